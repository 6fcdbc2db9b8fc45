//! The rules of the house, as tests: floors and files.
//!
//! What `docs/architecture.md` says of the code's shape is kept here, so that a change that breaks it says so at once.

mod floors;
mod rules;
mod source;
