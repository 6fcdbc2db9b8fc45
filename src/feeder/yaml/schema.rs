//! The JSON Schema of a feeder file, for editors.

use crate::feeder::Feeder;

/// The JSON Schema (2020-12) of a feeder file; `phasorbench schema feeder` prints it.
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Feeder);
    schema.insert("title".to_owned(), "PhasorBench feeder".into());
    let about = "A distribution feeder. Every key carries its unit; names are case-insensitive.";
    schema.insert("description".to_owned(), about.into());
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schema_is_current() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema/feeder.schema.json");
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            serde_json::from_str(&committed).ok() == Some(schema()),
            "docs/schema/feeder.schema.json is not current: \
             run `phasorbench schema feeder > docs/schema/feeder.schema.json`"
        );
    }
}
