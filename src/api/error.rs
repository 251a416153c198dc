//! The one way out for errors: eight codes, and words for people.

use async_graphql::ErrorExtensionValues;

use crate::sync::Refusal;

/// What went wrong, for programs: `extensions.code`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// The request is wrong; the message says how to mend it.
    BadInput,
    /// No token, or one that is not accepted.
    Unauthenticated,
    /// The token does not allow it.
    Forbidden,
    /// Not there, or not for this token: the two are told alike.
    NotFound,
    /// The state of things forbids it.
    Conflict,
    /// More than one request may ask for.
    LimitExceeded,
    /// Not now; try again later.
    Unavailable,
    /// Our fault; the log has it under the request id.
    Internal,
}

impl Code {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadInput => "BAD_INPUT",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::Conflict => "CONFLICT",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }
}

/// An error as clients see it.
///
/// It has no `Display` on purpose: async-graphql would turn any displayable error into text for
/// clients, and then nobody would have to choose a code. The `From` below is the only door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// For programs.
    pub code: Code,
    /// For people: what is wrong and what to do; nothing internal, no secret.
    pub message: String,
}

impl Error {
    /// An error of a code, in words.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    /// The request is wrong.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self::new(Code::BadInput, message)
    }

    /// The named thing is not there, or not for this token.
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("There is no such {what}."))
    }

    /// The request asks for more than one request may.
    pub fn limit_exceeded(message: impl Into<String>) -> Self {
        Self::new(Code::LimitExceeded, message)
    }

    /// Our fault. The log gets `what`, the client does not.
    pub fn internal(what: &'static str) -> Self {
        tracing::error!(what, "a request met a fault of this server");
        Self::new(
            Code::Internal,
            "The server failed to answer; its log says why under the request id.",
        )
    }
}

impl From<Error> for async_graphql::Error {
    fn from(error: Error) -> Self {
        let mut extensions = ErrorExtensionValues::default();
        extensions.set("code", error.code.as_str());
        let mut outward = Self::new(error.message);
        outward.extensions = Some(extensions);
        outward
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::not_found("tenant, run or license"),
            Refusal::Conflict(message) => Self::new(Code::Conflict, message),
            Refusal::BadInput(message) => Self::new(Code::BadInput, message),
            Refusal::Unavailable(message) => Self::new(Code::Unavailable, message),
        }
    }
}

#[cfg(test)]
mod tests {
    use async_graphql::{EmptyMutation, EmptySubscription, Object, Schema};
    use serde_json::{Value, json};

    use super::*;

    #[track_caller]
    fn check(refusal: Refusal, code: Code, message: &str) {
        assert_eq!(Error::from(refusal), Error::new(code, message));
    }

    #[test]
    fn a_refusal_keeps_its_kind_and_its_words() {
        let why = || "busy".to_owned();
        check(
            Refusal::NotFound,
            Code::NotFound,
            "There is no such tenant, run or license.",
        );
        check(Refusal::Conflict(why()), Code::Conflict, "busy");
        check(Refusal::BadInput(why()), Code::BadInput, "busy");
        check(Refusal::Unavailable(why()), Code::Unavailable, "busy");
    }

    /// What resolvers here may be, to hold the library to the behavior that the contract rests on.
    struct Probe;

    fn refused() -> Error {
        Error::bad_input("no")
    }

    #[Object]
    impl Probe {
        async fn slow(&self) -> i32 {
            tokio::task::yield_now().await;
            1
        }
        async fn quick(&self) -> i32 {
            2
        }
        async fn required(&self) -> Result<i32, Error> {
            Err(refused())
        }
        async fn optional(&self) -> Option<Result<i32, Error>> {
            Some(Err(refused()))
        }
        async fn optional_too(&self) -> Option<Result<i32, Error>> {
            Some(Err(refused()))
        }
        async fn wrongly_typed(&self) -> Result<Option<i32>, Error> {
            Err(refused())
        }
        async fn inner(&self) -> Option<Probe> {
            Some(Self)
        }
        async fn list(&self) -> Vec<Option<Result<Probe, Error>>> {
            vec![Some(Ok(Self)), None, Some(Err(refused()))]
        }
    }

    async fn answer(document: &str) -> String {
        let schema = Schema::new(Probe, EmptyMutation, EmptySubscription);
        serde_json::to_string(&schema.execute(document).await.data).unwrap()
    }

    async fn error_paths(document: &str) -> Vec<Value> {
        let schema = Schema::new(Probe, EmptyMutation, EmptySubscription);
        let errors = schema.execute(document).await.errors;
        errors
            .iter()
            .map(|error| {
                let outward = serde_json::to_value(error).unwrap();
                assert_eq!(outward["message"], "no");
                assert_eq!(outward["extensions"], json!({"code": "BAD_INPUT"}));
                outward["path"].clone()
            })
            .collect()
    }

    #[tokio::test]
    async fn keys_are_answered_in_the_order_in_which_they_were_selected() {
        assert_eq!(answer("{slow quick}").await, r#"{"slow":1,"quick":2}"#);
        assert_eq!(answer("{quick slow}").await, r#"{"quick":2,"slow":1}"#);
    }

    #[tokio::test]
    async fn a_failed_field_that_may_not_be_null_makes_its_parent_null() {
        let document = "{quick inner {quick required}}";
        assert_eq!(answer(document).await, r#"{"quick":2,"inner":null}"#);
        assert_eq!(error_paths(document).await, [json!(["inner", "required"])]);
    }

    #[tokio::test]
    async fn a_failed_field_that_may_be_null_is_null_and_its_siblings_are_answered() {
        let document = "{inner {optional quick optionalToo}}";
        let expected = r#"{"inner":{"optional":null,"quick":2,"optionalToo":null}}"#;
        assert_eq!(answer(document).await, expected);
        let paths = error_paths(document).await;
        assert_eq!(
            paths,
            [
                json!(["inner", "optional"]),
                json!(["inner", "optionalToo"])
            ]
        );
    }

    #[tokio::test]
    async fn a_failed_element_of_a_list_is_null_and_the_others_are_answered() {
        let document = "{list {quick}}";
        assert_eq!(
            answer(document).await,
            r#"{"list":[{"quick":2},null,null]}"#
        );
        assert_eq!(error_paths(document).await, [json!(["list", 2])]);
    }

    /// The trap that makes `Option<Result<_>>` the rule: the schema says nullable, the parent is lost.
    #[tokio::test]
    async fn a_result_of_an_option_loses_its_parent() {
        let document = "{inner {quick wronglyTyped}}";
        assert_eq!(answer(document).await, r#"{"inner":null}"#);
    }
}
