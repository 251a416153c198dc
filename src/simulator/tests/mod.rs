//! Is it faithful? Asked over real HTTP, as any client would.

mod activity; // what the usage reports say
mod application; // secrets, certificates and the refusals by number
mod audit_logs; // who signed in and what was changed
mod directory_filters; // who is asked for
mod faults; // each does what it says
mod groups; // who is in which, and what changes of that
mod limits; // throttling, clouds, and rows that are kept
mod organization; // who is there, and what changes
mod paging; // everybody, once
mod purchases; // subscriptions and premium
mod queries; // what Graph understands and what it refuses
mod report_faults; // reports that are spoiled on the way
mod reports; // how usage reports are asked for
mod sign_in; // codes, tokens and their ends
mod sign_in_activity; // when people signed in last
mod support;
mod users_delta; // rounds of changes
