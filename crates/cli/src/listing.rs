//! A list of named things with a sentence each.

use crate::output::Output;
use anyhow::Result;
use serde::Serialize;

/// One of them.
#[derive(Serialize)]
pub(crate) struct Item {
    pub(crate) name: &'static str,
    pub(crate) description: String,
}

/// Prints them, names in one column.
///
/// # Errors
/// What writing to stdout brings.
pub(crate) fn print(items: &[Item], output: Output) -> Result<()> {
    let width = items.iter().map(|item| item.name.len()).max().unwrap_or(0);
    let line = |item: &Item| format!("{:width$}  {}", item.name, item.description);
    output.result(&items, || items.iter().map(line).collect::<Vec<_>>().join("\n"))
}
