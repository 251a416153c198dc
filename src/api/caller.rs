//! Who is asking.

/// The holder of a token that was accepted; every request carries one before a field is resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The token's name, for logs and `viewer`: never its secret.
    pub name: String,
    /// What it allows.
    pub role: Role,
}

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, async_graphql::Enum)]
pub enum Role {
    /// Changes anything, syncs and connections too.
    Admin,
}
