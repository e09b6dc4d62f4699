//! Our schemas as an editor takes them: compiled and judged by a validator that is not ours.

use boon::{Compiler, Schemas};
use serde_json::Value;

/// Where and how the instance breaks the schema.
///
/// # Panics
/// When the schema itself is malformed.
pub fn errors(schema: &Value, instance: &Value) -> Vec<String> {
    const PLACE: &str = "https://ringmain.invalid/schema.json";
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.add_resource(PLACE, schema.clone()).expect("the place is a URL");
    let compiled = compiler.compile(PLACE, &mut schemas).expect("the schema obeys the draft that it names");
    match schemas.validate(instance, compiled) {
        Ok(()) => Vec::new(),
        Err(error) => vec![error.to_string()],
    }
}
