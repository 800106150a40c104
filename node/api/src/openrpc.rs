//! The OpenRPC 1.3 description, generated from [`METHODS`] and the types behind it.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};
use titian_contracts::error::Code;

use crate::METHODS;

/// The OpenRPC document of a node of `version`. Equal for equal builds.
pub fn openrpc(version: &str) -> Value {
    let mut settings = SchemaSettings::draft07();
    settings.definitions_path = "/components/schemas".into();
    let mut generator: SchemaGenerator = settings.into_generator();
    let methods: Vec<Value> = METHODS
        .iter()
        .map(|method| {
            let params = (method.params)(&mut generator);
            let result = (method.result)(&mut generator);
            json!({
                "name": method.name,
                "summary": method.summary.trim(),
                "tags": [{"name": method.scope.name()}],
                "paramStructure": "by-name",
                "params": content_descriptors(&params, &generator),
                "result": {"name": "result", "schema": result},
                "x-subscription": method.subscription,
            })
        })
        .collect();
    let errors: Vec<Value> = Code::ALL
        .iter()
        .map(|code| json!({"code": code.number(), "message": code.meaning(), "data": {"name": code.name()}}))
        .collect();
    json!({
        "openrpc": "1.3.2",
        "info": {"title": "Titian node", "version": version},
        "methods": methods,
        "components": {"schemas": generator.take_definitions(true), "errors": errors},
    })
}

/// One content descriptor per member of a parameter object.
fn content_descriptors(params: &schemars::Schema, generator: &SchemaGenerator) -> Vec<Value> {
    let schema = params.as_value();
    let definition = schema
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|reference| reference.rsplit('/').next())
        .and_then(|name| generator.definitions().get(name))
        .unwrap_or(schema);
    let required: Vec<&str> = definition
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    definition
        .get("properties")
        .and_then(Value::as_object)
        .map(|members| {
            members
                .iter()
                .map(|(name, schema)| {
                    json!({
                        "name": name,
                        "required": required.contains(&name.as_str()),
                        "schema": schema,
                    })
                })
                .collect()
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_each_method_once_and_every_method_has_a_schema() {
        let mut names: Vec<&str> = METHODS.iter().map(|method| method.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), METHODS.len());
        let document = openrpc("1");
        let methods = document["methods"].as_array().expect("a list");
        assert_eq!(methods.len(), METHODS.len());
        let submit = &methods[0];
        assert_eq!(submit["params"][0]["name"], "transaction");
        assert_eq!(submit["params"][0]["required"], true);
        assert_eq!(submit["params"][1]["required"], false);
    }

    #[test]
    fn every_reference_of_the_document_leads_to_a_schema() {
        let document = openrpc("1");
        let mut stack = vec![&document];
        while let Some(value) = stack.pop() {
            match value {
                Value::Object(members) => {
                    if let Some(Value::String(reference)) = members.get("$ref") {
                        let pointer = reference.strip_prefix('#').expect("a local reference");
                        assert!(document.pointer(pointer).is_some(), "{reference}");
                    }
                    stack.extend(members.values());
                }
                Value::Array(items) => stack.extend(items),
                _ => {}
            }
        }
    }
}
