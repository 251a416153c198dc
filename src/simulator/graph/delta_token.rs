//! `$deltatoken` and `$skiptoken` of a delta round: where it stands and what it tracks, sealed, so
//! that only what was handed out is taken back.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::simulator::random::mix;

/// What a round tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Everything that there is.
    Initial,
    /// What happened since a round before.
    Changes,
}

/// Where a round stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeltaToken {
    /// What collection it is of: "users" or "groups".
    pub(crate) collection: String,
    pub(crate) stage: Stage,
    /// What comes next: an event, or an object in the initial round.
    pub(crate) position: u64,
    /// The round ends before this event.
    pub(crate) until: u64,
    /// Tokens of other epochs are of no use.
    pub(crate) epoch: u64,
    /// Seconds since 1970.
    pub(crate) issued_at: i64,
    /// Makes every token another.
    pub(crate) serial: u64,
    /// `$select` of the round; `None` is the default.
    pub(crate) select: Option<String>,
    /// The objects that `$filter` names; empty is all.
    pub(crate) ids: String,
}

/// Begins every token.
const MARK: &str = "0SINPwHJ";
/// Parts the fields; no property name and no id has it.
const SEPARATOR: char = '|';

impl DeltaToken {
    /// As it stands in a link.
    pub(crate) fn seal(&self, seed: u64) -> String {
        let stage = match self.stage {
            Stage::Initial => 0,
            Stage::Changes => 1,
        };
        let select = match &self.select {
            Some(select) => format!("={select}"),
            None => String::new(),
        };
        let text = format!(
            "{}|{stage}|{}|{}|{}|{}|{}|{select}|{}",
            self.collection,
            self.position,
            self.until,
            self.epoch,
            self.issued_at,
            self.serial,
            self.ids
        );
        let sealed = format!("{:016x}{text}", check(&text, seed));
        format!("{MARK}{}", URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Reads one back; `None` when it was not sealed here.
    pub(crate) fn open(text: &str, seed: u64) -> Option<Self> {
        let text = text.split('~').next().unwrap_or_default();
        let sealed = URL_SAFE_NO_PAD.decode(text.strip_prefix(MARK)?).ok()?;
        let sealed = String::from_utf8(sealed).ok()?;
        let (seal, text) = sealed.split_at_checked(16)?;
        if seal != format!("{:016x}", check(text, seed)) {
            return None;
        }
        let mut parts = text.split(SEPARATOR);
        let mut next = || parts.next();
        Some(Self {
            collection: next()?.to_owned(),
            stage: match next()? {
                "0" => Stage::Initial,
                _ => Stage::Changes,
            },
            position: next()?.parse().ok()?,
            until: next()?.parse().ok()?,
            epoch: next()?.parse().ok()?,
            issued_at: next()?.parse().ok()?,
            serial: next()?.parse().ok()?,
            select: next()?.strip_prefix('=').map(str::to_owned),
            ids: next()?.to_owned(),
        })
    }
}

fn check(text: &str, seed: u64) -> u64 {
    text.bytes()
        .fold(mix(seed ^ 0x0064_656c_7461), |state, byte| {
            mix(state ^ u64::from(byte))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_sealed_here_opens() {
        let token = DeltaToken {
            collection: "users".to_owned(),
            stage: Stage::Changes,
            position: 7,
            until: 9,
            epoch: 1,
            issued_at: 1_795_000_000,
            serial: 3,
            select: Some("id,manager".to_owned()),
            ids: String::new(),
        };
        let sealed = token.seal(1);
        assert_eq!(DeltaToken::open(&sealed, 1).as_ref(), Some(&token));
        assert_eq!(
            DeltaToken::open(&format!("{sealed}~4"), 1),
            Some(token.clone())
        );
        assert_eq!(DeltaToken::open(&sealed, 2), None);
        assert_eq!(DeltaToken::open(&sealed[..sealed.len() - 2], 1), None);
        assert_eq!(DeltaToken::open("latest", 1), None);
        let plain = DeltaToken {
            select: None,
            ..token.clone()
        };
        let all = DeltaToken {
            select: Some(String::new()),
            ..token
        };
        assert_eq!(DeltaToken::open(&plain.seal(1), 1), Some(plain));
        assert_eq!(DeltaToken::open(&all.seal(1), 1), Some(all));
    }
}
