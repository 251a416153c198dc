//! The property of a user that tells of sign-ins.

use super::json;
use super::user_fields::Card;
use crate::simulator::random::Stream;
use crate::simulator::random::guid;

/// Absent for whoever never signed in; what is unset within is told in the two ways that Microsoft has
/// for nothing.
pub(super) fn sign_in_activity(out: &mut Vec<u8>, card: &Card) {
    let sign_ins = card.view.sign_ins(card.person, card.now);
    if sign_ins.is_empty() {
        return;
    }
    let write = |out: &mut Vec<u8>, at: Option<i64>| match at {
        Some(at) => json::instant(out, at),
        None if card.person.index.is_multiple_of(2) => json::text(out, "0001-01-01T00:00:00Z"),
        None => json::text(out, ""),
    };
    let request_id = |at: Option<i64>| {
        at.map(|at| guid(card.seed(), Stream::RequestId, at.unsigned_abs()).to_string())
            .unwrap_or_default()
    };
    out.extend_from_slice(b"{\"lastSignInDateTime\":");
    write(out, sign_ins.interactive_at);
    out.extend_from_slice(b",\"lastSignInRequestId\":");
    json::text(out, &request_id(sign_ins.interactive_at));
    out.extend_from_slice(b",\"lastNonInteractiveSignInDateTime\":");
    write(out, sign_ins.non_interactive_at);
    out.extend_from_slice(b",\"lastNonInteractiveSignInRequestId\":");
    json::text(out, &request_id(sign_ins.non_interactive_at));
    if let Some(at) = sign_ins.succeeded_at {
        out.extend_from_slice(b",\"lastSuccessfulSignInDateTime\":");
        json::instant(out, at);
        out.extend_from_slice(b",\"lastSuccessfulSignInRequestId\":");
        json::text(out, &request_id(Some(at)));
    }
    out.push(b'}');
}
