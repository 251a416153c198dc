//! Is it faithful? Asked over real HTTP, as any client would.

mod activity; // what the usage reports say
mod application; // secrets, certificates and the refusals by number
mod audit_logs; // who signed in and what was changed
mod faults; // each does what it says
mod organization; // who is there, and what changes
mod paging; // everybody, once
mod queries; // what Graph understands and what it refuses
mod report_faults; // reports that are spoiled on the way
mod reports; // how usage reports are asked for
mod sign_in; // codes, tokens and their ends
mod support;
