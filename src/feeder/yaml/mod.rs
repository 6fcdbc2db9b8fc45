//! The native feeder file: read, written, and described by a JSON Schema.

mod read;
mod schema;
#[cfg(test)]
mod tests;
mod write;

pub use read::{from_text, read};
pub use schema::schema;
pub use write::write;
