//! How a command ended, for scripts. The numbers are those of BSD's sysexits, where it has one.

use std::process::ExitCode;

use crate::app::StartError;
use crate::config::ConfigError;
use crate::store::OpenError;
use crate::sync::Refusal;

/// What to do about damaged data.
pub(super) const DAMAGED_REMEDY: &str = "restore a backup of the data directory, or move it aside: the next sync reads everything anew, and service accounts sign in again";

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// It did what was asked.
    Done = 0,
    /// A sync failed, the doctor found something, the request was refused.
    Failed = 1,
    /// The server cannot be reached.
    Unreachable = 69,
    /// A fault of this program.
    Internal = 70,
    /// Another process uses the data directory.
    InUse = 73,
    /// A file or an address cannot be used, or the data is damaged.
    Io = 74,
    /// The disk of the data directory is full.
    Full = 75,
    /// The token is missing or was refused.
    TokenRefused = 77,
    /// The configuration is wrong, the encryption key included.
    Config = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command failed: the code, and what is wrong and what to do, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) exit: Exit,
    pub(super) message: String,
}

impl Failure {
    pub(super) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(Exit::Config, error.to_string())
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::new(Exit::Failed, refusal.to_string())
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let exit = match &error {
            StartError::Store(error) => store_exit(error),
            StartError::Config(_) => Exit::Config,
            StartError::Listen { .. } => Exit::Io,
            StartError::Internal(_) => Exit::Internal,
        };
        match &error {
            StartError::Store(OpenError::Damaged(_)) => {
                Self::new(exit, format!("{error}\n{DAMAGED_REMEDY}"))
            }
            _ => Self::new(exit, error.to_string()),
        }
    }
}

fn store_exit(error: &OpenError) -> Exit {
    match error {
        OpenError::InUse { .. } => Exit::InUse,
        OpenError::WrongKey | OpenError::Newer { .. } => Exit::Config,
        OpenError::Full => Exit::Full,
        OpenError::Damaged(_) | OpenError::Io(_) => Exit::Io,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_not_opening_has_the_documented_code() {
        let check = |error: OpenError, code| {
            assert_eq!(Failure::from(StartError::Store(error)).exit as u8, code);
        };
        let path = "/data".into();
        check(OpenError::InUse { path, pid: 1 }, 73);
        check(OpenError::WrongKey, 78);
        check(OpenError::Newer { found: 2, known: 1 }, 78);
        check(OpenError::Full, 75);
        check(OpenError::Damaged(String::new()), 74);
        check(OpenError::Io(std::io::Error::other("x")), 74);
    }

    #[test]
    fn an_address_in_use_is_no_fault_of_the_configuration_file() {
        let error = StartError::Listen {
            address: "127.0.0.1:8365".parse().unwrap(),
            source: std::io::Error::other("in use"),
        };
        assert_eq!(
            Failure::from(error),
            Failure::new(
                Exit::Io,
                "cannot listen on 127.0.0.1:8365: in use. Set server.listen to another address; port 0 takes a free one"
            )
        );
    }
}
