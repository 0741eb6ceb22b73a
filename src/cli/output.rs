//! How a command's result is printed: one JSON value, or lines for people.

use clap::Args;
use serde::Serialize;
use serde_json::Value;

/// How the result is printed.
#[derive(Debug, Args)]
pub struct Output {
    /// Print one JSON value
    #[arg(long)]
    pub(super) json: bool,
}

/// Prints a value.
///
/// # Errors
/// When it is no JSON value.
pub(super) fn print(value: &impl Serialize, json: bool) -> anyhow::Result<()> {
    let value = serde_json::to_value(value)?;
    if json {
        println!("{value}");
        return Ok(());
    }
    match &value {
        Value::Array(items) if items.is_empty() => println!("none"),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    println!();
                }
                print_fields(item);
            }
        }
        other => print_fields(other),
    }
    Ok(())
}

fn print_fields(value: &Value) {
    let Value::Object(fields) = value else {
        println!("{}", plain(value));
        return;
    };
    let width = fields.keys().map(String::len).max().unwrap_or_default();
    for (name, value) in fields {
        println!("{name:width$}  {}", plain(value));
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
