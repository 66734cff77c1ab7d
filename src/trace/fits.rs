//! A reader of JSON Schemas that knows the words that the schema of logs uses, and no others: for
//! the tests beside this file, and for those of the program.

use serde_json::Value;

/// Whether a value is as a schema says, as far as these schemas say anything.
pub(super) fn fits(schema: &Value, value: &Value) -> bool {
    let is_of_type = |name: &Value| match name.as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("null") => value.is_null(),
        other => panic!("{other:?} is not known here"),
    };
    let properties = schema["properties"].as_object();
    let checks = schema.as_object().expect("a schema is an object").iter().map(|(word, is)| {
        match word.as_str() {
            "anyOf" => is.as_array().is_some_and(|all| all.iter().any(|one| fits(one, value))),
            "const" => is == value,
            "type" => match is.as_array() {
                Some(names) => names.iter().any(is_of_type),
                None => is_of_type(is),
            },
            "minimum" => value.as_i64().is_none_or(|number| Some(number) >= is.as_i64()),
            "required" => {
                let names = is.as_array().into_iter().flatten().filter_map(Value::as_str);
                names.into_iter().all(|name| value.get(name).is_some())
            }
            "properties" => properties
                .into_iter()
                .flatten()
                .all(|(name, schema)| value.get(name).is_none_or(|value| fits(schema, value))),
            "additionalProperties" => {
                value.as_object().into_iter().flatten().all(|(_, value)| fits(is, value))
            }
            "$schema" | "title" => true,
            other => panic!("{other} is not known here"),
        }
    });
    checks.into_iter().all(|is_so| is_so)
}
