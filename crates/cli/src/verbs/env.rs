//! `trimtab env`: the environments that policies are trained in.

use crate::{
    choices::{ACTIONS, GOALS},
    listing::{self, Item},
    output::{Ending, Output},
    settings::{ConfigArgs, Settings},
};
use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;
use trimtab_lab::environments;

/// List and describe training environments
#[derive(Subcommand, Debug)]
pub(crate) enum EnvVerb {
    /// List the environments that ship
    #[command(after_help = "Example:\n  trimtab env list")]
    List,
    Describe(DescribeArgs),
}

/// Describe observations, actions, rewards and episodes of an environment, as Markdown
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  trimtab env describe online_boutique --action delta")]
pub(crate) struct DescribeArgs {
    /// One of `trimtab env list`, or an application file
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    name: Option<String>,
    /// Describe all environments that ship
    #[arg(long)]
    all: bool,
    /// What the policy may do
    #[arg(long, value_parser = ACTIONS)]
    action: Option<String>,
    /// What the environment is after
    #[arg(long, value_parser = GOALS)]
    goal: Option<String>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// See [`EnvVerb`].
pub(crate) fn run(verb: &EnvVerb, output: Output) -> Result<Ending> {
    match verb {
        EnvVerb::List => list(output)?,
        EnvVerb::Describe(args) => describe(args, output)?,
    }
    Ok(Ending::Fine)
}

fn list(output: Output) -> Result<()> {
    let items: Vec<Item> =
        environments::names().into_iter().map(|(name, description)| Item { name, description }).collect();
    listing::print(&items, output)
}

fn describe(args: &DescribeArgs, output: Output) -> Result<()> {
    let names: Vec<String> = match &args.name {
        Some(name) => vec![name.clone()],
        None => environments::names().into_iter().map(|(name, _)| name.to_owned()).collect(),
    };
    let settings = Settings::new(&args.config)?.text("--action", "action", args.action.as_ref()).text(
        "--goal",
        "goal",
        args.goal.as_ref(),
    );
    let mut pages = Vec::new();
    for name in names {
        let config = settings.clone().text("NAME", "env", Some(&name)).resolve()?;
        pages.push((name, environments::describe(&config)?));
    }
    let value: Vec<_> =
        pages.iter().map(|(name, page)| json!({ "name": name, "description": page })).collect();
    output.result(&value, || {
        let pages: Vec<&str> = pages.iter().map(|(_, page)| page.trim_end()).collect();
        let heading = if args.all { "# Environments\n\n" } else { "" };
        format!("{heading}{}\n", pages.join("\n\n"))
    })
}
