//! Is it faithful? Asked over real HTTP, as any client would.

mod application; // secrets, certificates and the refusals by number
mod faults; // each does what it says
mod organization; // who is there, and what changes
mod paging; // everybody, once
mod queries; // what Graph understands and what it refuses
mod sign_in; // codes, tokens and their ends
mod support;
