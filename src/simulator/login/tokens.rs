//! Codes and tokens that were handed out. They are opaque: random letters, and all that is known of
//! them is kept here.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use super::error::LoginError;
use crate::simulator::random::Stream;
use crate::simulator::random::guid;

/// A code may be redeemed for so long.
const CODE_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// Access tokens beyond this many are looked through for dead ones.
const ACCESS_TOKENS_SWEPT_AT: usize = 1024;

/// Whose token it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Principal {
    /// The application itself.
    Application,
    /// The service account, by way of the application.
    ServiceAccount,
}

/// What an access token stands for.
#[derive(Debug, Clone)]
pub(crate) struct AccessToken {
    pub(crate) principal: Principal,
    expires_at: Timestamp,
}

/// What a code stands for.
struct Code {
    challenge: String,
    redirect_uri: String,
    expires_at: Timestamp,
    is_redeemed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RefreshState {
    /// Never redeemed.
    Fresh,
    /// Redeemed, and still good: Microsoft does not revoke it at once.
    Redeemed,
    Expired,
    Revoked,
}

/// How often the login service was asked for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TokenRequests {
    /// Redirects of a browser to the sign-in page.
    pub authorize: u64,
    /// `grant_type=authorization_code`, refused ones included, as below.
    pub authorization_code: u64,
    /// `grant_type=refresh_token`.
    pub refresh_token: u64,
    /// `grant_type=client_credentials`.
    pub client_credentials: u64,
    /// Any other grant type, or none.
    pub other: u64,
    /// Those of the token requests above that were refused.
    pub refused: u64,
}

impl TokenRequests {
    /// All requests to the token endpoint.
    pub fn total(&self) -> u64 {
        self.authorization_code + self.refresh_token + self.client_credentials + self.other
    }
}

/// Everything handed out.
pub(crate) struct Tokens {
    seed: u64,
    issued: u64,
    codes: HashMap<String, Code>,
    refresh: HashMap<String, RefreshState>,
    access: HashMap<String, AccessToken>,
    /// `expires_in` of new access tokens.
    pub(crate) lifetime: Duration,
    pub(crate) requests: TokenRequests,
}

impl Tokens {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            issued: 0,
            codes: HashMap::new(),
            refresh: HashMap::new(),
            access: HashMap::new(),
            lifetime: Duration::from_secs(3599),
            requests: TokenRequests::default(),
        }
    }

    /// A code for a browser that signed in.
    pub(crate) fn issue_code(
        &mut self,
        challenge: &str,
        redirect_uri: &str,
        now: Timestamp,
    ) -> String {
        let code = self.text("1.AX");
        let code_kept = Code {
            challenge: challenge.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            expires_at: after(now, CODE_LIFETIME),
            is_redeemed: false,
        };
        self.codes.insert(code.clone(), code_kept);
        code
    }

    /// Takes a code in; `challenge` is what the verifier hashes to.
    pub(crate) fn redeem_code(
        &mut self,
        code: &str,
        challenge: &str,
        redirect_uri: &str,
        now: Timestamp,
    ) -> Result<(), LoginError> {
        let Some(kept) = self.codes.get_mut(code) else {
            return Err(LoginError::new(
                70_000,
                "The provided value for the 'code' parameter is not valid.",
            ));
        };
        if kept.is_redeemed {
            return Err(LoginError::new(
                54_005,
                "OAuth2 Authorization code was already redeemed, please retry with a new valid code.",
            ));
        }
        if now >= kept.expires_at {
            return Err(LoginError::new(
                70_008,
                "The provided authorization code has expired.",
            ));
        }
        if kept.redirect_uri != redirect_uri {
            return Err(LoginError::new(
                500_112,
                "The redirect URI does not match the one of the authorization request.",
            ));
        }
        // Whatever comes now, the code has been seen and is spent.
        kept.is_redeemed = true;
        if kept.challenge != challenge {
            return Err(LoginError::new(
                501_481,
                "The Code_Verifier does not match the code_challenge supplied in the authorization request.",
            ));
        }
        Ok(())
    }

    /// A refresh token.
    pub(crate) fn issue_refresh_token(&mut self) -> String {
        let token = self.text("1.AR");
        self.refresh.insert(token.clone(), RefreshState::Fresh);
        token
    }

    /// Takes a refresh token in; it stays good.
    pub(crate) fn redeem_refresh_token(&mut self, token: &str) -> Result<(), LoginError> {
        match self.refresh.get_mut(token) {
            None => Err(LoginError::new(
                70_000,
                "The provided value for the 'refresh_token' parameter is not valid.",
            )),
            Some(RefreshState::Expired) => Err(LoginError::by_number(700_082)),
            Some(RefreshState::Revoked) => Err(LoginError::by_number(50_173)),
            Some(state) => {
                *state = RefreshState::Redeemed;
                Ok(())
            }
        }
    }

    /// An access token.
    pub(crate) fn issue_access_token(&mut self, principal: Principal, now: Timestamp) -> String {
        if self.access.len() >= ACCESS_TOKENS_SWEPT_AT {
            self.access.retain(|_, token| now < token.expires_at);
        }
        let token = self.text("eyJ0");
        let expires_at = after(now, self.lifetime);
        self.access.insert(
            token.clone(),
            AccessToken {
                principal,
                expires_at,
            },
        );
        token
    }

    /// Whose access token it is; `Err(true)` when it was one and has expired.
    pub(crate) fn principal_of(&self, token: &str, now: Timestamp) -> Result<Principal, bool> {
        match self.access.get(token) {
            Some(token) if now < token.expires_at => Ok(token.principal),
            known => Err(known.is_some()),
        }
    }

    /// Ends all access tokens at once.
    pub(crate) fn expire_access_tokens(&mut self) {
        for token in self.access.values_mut() {
            token.expires_at = Timestamp::MIN;
        }
    }

    /// Every refresh token counts as revoked by an administrator.
    pub(crate) fn revoke_refresh_tokens(&mut self) {
        self.refresh
            .values_mut()
            .for_each(|state| *state = RefreshState::Revoked);
    }

    /// Every refresh token counts as unused for too long.
    pub(crate) fn expire_refresh_tokens(&mut self) {
        self.refresh
            .values_mut()
            .for_each(|state| *state = RefreshState::Expired);
    }

    /// Refresh tokens that were redeemed, and so have a successor, are revoked.
    pub(crate) fn retire_redeemed_refresh_tokens(&mut self) {
        for state in self
            .refresh
            .values_mut()
            .filter(|state| **state == RefreshState::Redeemed)
        {
            *state = RefreshState::Revoked;
        }
    }

    /// Every token and code handed out, for a search through what must not contain them.
    pub(crate) fn all_texts(&self) -> BTreeSet<String> {
        let texts = self
            .codes
            .keys()
            .chain(self.refresh.keys())
            .chain(self.access.keys());
        texts.cloned().collect()
    }

    fn text(&mut self, prefix: &str) -> String {
        let mut text = prefix.to_owned();
        for part in 0..4 {
            let random = guid(self.seed, Stream::Token, self.issued * 4 + part);
            text.push_str(
                random
                    .simple()
                    .encode_lower(&mut uuid::Uuid::encode_buffer()),
            );
        }
        self.issued += 1;
        text
    }
}

fn after(now: Timestamp, span: Duration) -> Timestamp {
    now.checked_add(span).unwrap_or(Timestamp::MAX)
}
