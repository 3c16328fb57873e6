//! `trimtab app`: applications, shipped or one's own.

use crate::{
    listing::{self, Item},
    output::{Ending, Output},
};
use anyhow::Result;
use clap::{Args, Subcommand};
use serde_json::json;
use std::{fmt::Write, path::PathBuf};
use trimtab_lab::{applications, files};
use trimtab_model::Application;

/// List, describe and check applications
#[derive(Subcommand, Debug)]
pub(crate) enum AppVerb {
    /// List the applications that ship
    #[command(after_help = "Example:\n  trimtab app list")]
    List,
    Describe(DescribeArgs),
    Check(CheckArgs),
    Graph(GraphArgs),
}

/// Draw an application's call graph as a picture (SVG)
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  trimtab app graph online_boutique --out shop.svg
  trimtab app graph topology.json > chain.svg")]
pub(crate) struct GraphArgs {
    /// Name of an application that ships, an application file (.toml), a k8s-hpa topology (.json) or generated-N-SEED
    name: String,
    /// File to write [default: the standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Show an application's services, requests, call graph and largest capacity
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  trimtab app describe online_boutique")]
pub(crate) struct DescribeArgs {
    /// Name of an application that ships, or an application file (.toml)
    name: String,
}

/// Check an application file: says what is wrong with it, if anything is
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  trimtab app check my-app.toml")]
pub(crate) struct CheckArgs {
    /// Application file (.toml)
    file: String,
}

/// See [`AppVerb`].
pub(crate) fn run(verb: &AppVerb, output: Output) -> Result<Ending> {
    match verb {
        AppVerb::List => list(output)?,
        AppVerb::Describe(args) => {
            let application = applications::load(&args.name)?;
            output.result(&application, || page(&application))?;
        }
        AppVerb::Graph(args) => graph(args, output)?,
        AppVerb::Check(args) => {
            let application = applications::load(&args.file)?;
            let (services, capacity) = (application.services.len(), application.largest_capacity());
            let value = json!({ "file": args.file, "services": services, "largest_capacity": capacity });
            output.result(&value, || {
                format!("{}: fine: {services} services, at most {capacity:.0} requests/s", args.file)
            })?;
        }
    }
    Ok(Ending::Fine)
}

fn graph(args: &GraphArgs, output: Output) -> Result<()> {
    let application = applications::load(&args.name)?;
    let svg = applications::drawing(&application);
    let Some(out) = &args.out else {
        let value = json!({ "application": application.name, "svg": svg });
        return output.result(&value, || svg.trim_end().to_owned());
    };
    files::write_atomic(out, svg.as_bytes())?;
    let (services, calls) = (application.services.len(), application.edges().len());
    let value = json!({ "application": application.name, "file": out, "services": services, "calls": calls });
    output.result(&value, || format!("{}: {services} services, {calls} calls", out.display()))
}

fn list(output: Output) -> Result<()> {
    let item = |name| Ok(Item { name, description: applications::load(name)?.description });
    let items = applications::SHIPPED.iter().map(|(name, _)| item(name)).collect::<Result<Vec<_>>>()?;
    listing::print(&items, output)
}

fn page(application: &Application) -> String {
    let mut page = String::new();
    // Writing to a string cannot fail.
    let _ = write_page(&mut page, application);
    page
}

fn write_page(w: &mut String, application: &Application) -> std::fmt::Result {
    let Application { name, description, source, slo, timeout, .. } = application;
    writeln!(w, "{name}: {description}")?;
    if !source.is_empty() {
        writeln!(w, "Source: {source}")?;
    }
    let (bound, window, capacity) = (slo.p95.millis(), slo.window.0, application.largest_capacity());
    writeln!(
        w,
        "SLO: p95 of at most {bound} ms in every window of {window} s; given up after {} s",
        timeout.0
    )?;
    writeln!(w, "Largest capacity: {capacity:.0} requests/s\n")?;

    let visits = application.visits();
    writeln!(
        w,
        "{:24} {:>13} {:>15} {:>9} {:>10} {:>14}",
        "service", "CPU req/limit", "memory r/l, Mi", "replicas", "CPU a call", "calls/request"
    )?;
    for (service, visits) in application.services.iter().zip(&visits) {
        let allocation = &service.allocation;
        let mebibytes = |bytes: trimtab_model::Bytes| format!("{:.0}", bytes.gibibytes() * 1024.0);
        let or_none = |limit: Option<String>| limit.unwrap_or_else(|| "none".to_owned());
        let cpu = format!(
            "{}m/{}",
            allocation.cpu_request.0,
            or_none(allocation.cpu_limit.map(|limit| format!("{}m", limit.0)))
        );
        let memory = format!(
            "{}/{}",
            mebibytes(allocation.memory_request),
            or_none(allocation.memory_limit.map(mebibytes))
        );
        let replicas = format!("{}-{}", service.replicas.min, service.replicas.max);
        let call = format!("{:.2} ms", service.cpu_per_call.millis());
        writeln!(w, "{:24} {cpu:>13} {memory:>15} {replicas:>9} {call:>10} {visits:>14.2}", service.name)?;
    }

    writeln!(w, "\n{:24} {:>13}   first service", "endpoint", "share")?;
    for endpoint in &application.endpoints {
        let (share, first) = (100.0 * endpoint.weight, &application.services[endpoint.service].name);
        writeln!(w, "{:24} {share:>11.1} %   {first}", endpoint.name)?;
    }

    writeln!(w, "\ncalls of one service by another, a request")?;
    for (from, to, calls) in application.edges() {
        let name = |service: usize| &application.services[service].name;
        writeln!(w, "{:24} → {:24} {calls:>8.2}", name(from), name(to))?;
    }
    Ok(())
}
