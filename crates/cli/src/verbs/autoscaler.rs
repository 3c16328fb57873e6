//! `trimtab autoscaler`: the autoscalers that ship and what can be tuned of them.

use crate::{
    listing::{self, Item},
    output::{Ending, Output},
};
use anyhow::Result;
use clap::{Args, Subcommand};
use serde::Serialize;
use std::fmt::Write;
use trimtab_lab::{
    Error,
    contenders::{self, KNOWN, Known, Range},
    vertical::{self, KnownVertical},
};

/// List and describe autoscalers
#[derive(Subcommand, Debug)]
pub(crate) enum AutoscalerVerb {
    /// List the autoscalers that ship
    #[command(after_help = "Example:\n  trimtab autoscaler list")]
    List,
    Describe(DescribeArgs),
}

/// Show what an autoscaler does, where it comes from, and its parameters with units, defaults and ranges
#[derive(Args, Debug)]
#[command(after_help = "\
Parameters are set after a colon, as in trimtab compare --autoscalers hpa,threshold:upper_percent=70,step=2

Example:
  trimtab autoscaler describe keda")]
pub(crate) struct DescribeArgs {
    /// Name of an autoscaler that ships
    name: String,
}

/// See [`AutoscalerVerb`].
pub(crate) fn run(verb: &AutoscalerVerb, output: Output) -> Result<Ending> {
    match verb {
        AutoscalerVerb::List => {
            let item = |name, kind: &str, text: &str| Item { name, description: format!("({kind}) {text}") };
            let horizontal = KNOWN.iter().map(|known| item(known.name, HORIZONTAL, known.description));
            let vertical = vertical::KNOWN.iter().map(|known| item(known.name, VERTICAL, known.description));
            listing::print(&horizontal.chain(vertical).collect::<Vec<_>>(), output)?;
        }
        AutoscalerVerb::Describe(args) => {
            let description = About::find(&args.name)?;
            output.result(&description, || description.page())?;
        }
    }
    Ok(Ending::Fine)
}

/// What there is to say of an autoscaler.
#[derive(Serialize)]
struct About {
    name: &'static str,
    /// `horizontal` (replicas) or `vertical` (requests).
    kind: &'static str,
    description: &'static str,
    source: &'static str,
    parameters: Vec<Parameter>,
    /// The parameters as a space for a search (TOML).
    space: String,
}

#[derive(Serialize)]
struct Parameter {
    name: &'static str,
    unit: &'static str,
    meaning: &'static str,
    default: toml::Value,
    /// Values that it may take, in words.
    range: String,
}

impl Parameter {
    fn cells(&self) -> [String; 5] {
        let default = self.default.as_str().map_or_else(|| self.default.to_string(), str::to_owned);
        [self.name.to_owned(), default, self.unit.to_owned(), self.range.clone(), self.meaning.to_owned()]
    }
}

const HORIZONTAL: &str = "horizontal";
const VERTICAL: &str = "vertical";

impl About {
    fn find(name: &str) -> Result<Self> {
        if let Some(known) = KNOWN.iter().find(|known| known.name == name) {
            return Ok(Self::of(known));
        }
        if let Some(known) = vertical::KNOWN.iter().find(|known| known.name == name) {
            return Ok(Self::of_vertical(known));
        }
        let names = KNOWN.iter().map(|known| known.name);
        let known = names.chain(vertical::KNOWN.iter().map(|known| known.name));
        Err(Error::unknown("autoscaler", name, known).into())
    }

    fn of_vertical(known: &'static KnownVertical) -> Self {
        let parameter = |p: &'static contenders::Parameter| Parameter {
            name: p.name,
            unit: p.unit,
            meaning: p.meaning,
            default: known.default_of(p),
            range: in_words(&p.range),
        };
        Self {
            name: known.name,
            kind: VERTICAL,
            description: known.description,
            source: known.source,
            parameters: known.parameters.iter().map(parameter).collect(),
            space: contenders::space(known.parameters),
        }
    }

    fn of(known: &'static Known) -> Self {
        let parameter = |p: &'static contenders::Parameter| Parameter {
            name: p.name,
            unit: p.unit,
            meaning: p.meaning,
            default: known.default_of(p),
            range: in_words(&p.range),
        };
        Self {
            name: known.name,
            kind: HORIZONTAL,
            description: known.description,
            source: known.source,
            parameters: known.parameters.iter().map(parameter).collect(),
            space: known.space(),
        }
    }

    fn page(&self) -> String {
        let Self { name, kind, description, source, .. } = self;
        let mut page = format!("{name} ({kind}): {description}\nSource: {source}\n\n");
        if self.parameters.is_empty() {
            page.push_str("Nothing of it is set by hand.\n");
            return page;
        }
        let rows: Vec<[String; 5]> = self.parameters.iter().map(Parameter::cells).collect();
        let head = ["parameter", "default", "unit", "range", "meaning"].map(str::to_owned);
        let width = |column: usize| {
            let cells = rows.iter().chain([&head]).map(|row| row[column].chars().count());
            cells.max().unwrap_or(0)
        };
        let widths = [0, 1, 2, 3].map(width);
        for row in [&head].into_iter().chain(&rows) {
            for (cell, width) in row.iter().zip(widths) {
                // Writing to a string cannot fail.
                let _ = write!(page, "{cell:width$}  ");
            }
            page.push_str(&row[4]);
            page.push('\n');
        }
        page
    }
}

fn in_words(range: &Range) -> String {
    let log = |log: bool| if log { " (log)" } else { "" };
    match range {
        Range::Float { low, high, log: scale } => format!("{low} to {high}{}", log(*scale)),
        Range::Integer { low, high, log: scale } => format!("{low} to {high}{}, whole", log(*scale)),
        Range::Choice(words) => words.join(" | "),
        Range::Text => "any text".to_owned(),
    }
}
