use expect_test::expect_file;
use segue_agent::ToolSpec;
use serde_json::Value as Json;

use crate::testing::kitchen;

fn specs() -> Vec<ToolSpec> {
    let kitchen = kitchen();
    kitchen.registry.specs(kitchen.engine.snapshot().catalog())
}

/// One snapshot a tool: what models, help and other protocols are told.
#[test]
fn every_tool_tells_what_it_is() {
    for spec in specs() {
        let json = serde_json::to_string_pretty(&spec).unwrap();
        expect_file![format!("specs/{}.json", spec.name)].assert_eq(&format!("{json}\n"));
    }
}

#[test]
fn every_example_works() {
    let kitchen = kitchen();
    let context = kitchen.context(Some(&[1, 2, 3, 5, 10, 60]));
    for spec in specs() {
        assert!(!spec.examples.is_empty(), "{} has no example", spec.name);
        for example in spec.examples {
            // What is looked up by title need not be within.
            let context = if spec.name == "look_up" { &kitchen.context(None) } else { &context };
            let answer = kitchen.call(&spec.name, example.args.clone(), context);
            assert!(answer.is_ok(), "{} {}: {:?}", spec.name, example.args, answer.err());
        }
    }
}

/// Every object is closed and every optional property may be null, so that a strict mode needs only to require all.
#[test]
fn schemas_suit_strict_modes() {
    fn check(schema: &Json, at: &str) {
        if let Some(properties) = schema.get("properties").and_then(Json::as_object) {
            assert_eq!(schema.get("additionalProperties"), Some(&Json::Bool(false)), "{at} is open");
            let required: Vec<_> = schema["required"].as_array().unwrap().iter().collect();
            for (name, property) in properties {
                let text = property.to_string();
                let nullable = text.contains("\"null\"");
                let is_required = required.contains(&&Json::String(name.clone()));
                assert!(is_required || nullable, "{at}.{name} is optional and cannot be null");
            }
        }
        match schema {
            Json::Object(parts) => parts.iter().for_each(|(name, part)| {
                assert!(!["oneOf", "format", "default"].contains(&name.as_str()), "{at}.{name}");
                check(part, &format!("{at}.{name}"));
            }),
            Json::Array(parts) => parts.iter().for_each(|part| check(part, at)),
            _ => {}
        }
    }
    for spec in specs() {
        check(&spec.schema, &spec.name);
        let size = spec.schema.to_string().len();
        assert!(size < 4000, "the schema of {} has {size} bytes", spec.name);
    }
}
