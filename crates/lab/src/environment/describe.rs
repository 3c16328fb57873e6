//! What an environment is made of, in words: the text of `trimtab env describe` and of the reference page.

use crate::{Result, applications, config::RunConfig, reward::TERMS};
use std::fmt::Write;
use trimtab_control::{ActionKind, Codec, CodecConfig, Hpa, Steering, codec};
use trimtab_model::Application;

/// Environments that ship, with a sentence each. A user's application file is an environment too.
pub fn names() -> Vec<(&'static str, String)> {
    applications::SHIPPED
        .iter()
        .filter(|(name, _)| *name != "teastore")
        .filter_map(|(name, _)| Some((*name, applications::load(name).ok()?.description)))
        .collect()
}

/// Spaces, meaning and unit of every observation entry and action, reward terms and termination, as Markdown.
///
/// # Errors
/// An unknown environment or a configuration that cannot work.
pub fn describe(config: &RunConfig) -> Result<String> {
    let application = applications::load(&config.env)?;
    let inner = Hpa::default_for(&application)?;
    let mut page = String::new();
    let w = &mut page;
    // Writing to a string cannot fail.
    let _ = write_page(w, config, &application, &inner)?;
    Ok(page)
}

fn write_page(
    w: &mut String,
    config: &RunConfig,
    application: &Application,
    inner: &Hpa,
) -> Result<std::fmt::Result> {
    let steering =
        Steering::new(config.action, config.trim.clone(), config.delta, inner.clone(), application)?;
    let codec_config = CodecConfig { layout: steering.layout(), targets: Steering::targets(inner) };
    let codec = Codec::new(&codec_config, application);
    Ok(write_sections(w, config, application, &codec))
}

fn write_sections(
    w: &mut String,
    config: &RunConfig,
    application: &Application,
    codec: &Codec,
) -> std::fmt::Result {
    writeln!(
        w,
        "## `{}`\n\n{}. Source: {}.\n",
        application.name, application.description, application.source
    )?;
    writeln!(
        w,
        "Services: {}, edges: {}. SLO: p95 ≤ {} ms in windows of {} s; largest capacity {:.0} requests/s.\n",
        application.services.len(),
        application.edges().len(),
        application.slo.p95.millis(),
        application.slo.window.0,
        application.largest_capacity()
    )?;
    writeln!(
        w,
        "| id | service | CPU request/limit | memory request/limit | replicas |\n|---|---|---|---|---|"
    )?;
    for (id, service) in application.services.iter().enumerate() {
        let limit = |l: Option<String>| l.unwrap_or_else(|| "none".to_owned());
        writeln!(
            w,
            "| {id} | {} | {}m / {} | {:.0}Mi / {} | {}–{} |",
            service.name,
            service.allocation.cpu_request.0,
            limit(service.allocation.cpu_limit.map(|l| format!("{}m", l.0))),
            service.allocation.memory_request.gibibytes() * 1024.0,
            limit(service.allocation.memory_limit.map(|l| format!("{:.0}Mi", l.gibibytes() * 1024.0))),
            service.replicas.min,
            service.replicas.max
        )?;
    }
    let action = toml::Value::try_from(config.action).map_or_else(|_| String::new(), |v| v.to_string());
    let agents = if codec.rows() == 1 {
        "1 agent".to_owned()
    } else {
        format!("{} agents (one a service, shared weights)", codec.rows())
    };
    writeln!(w, "\n**Action** {action}: {agents}. {}\n", meaning(config))?;
    writeln!(
        w,
        "**Observation**: {} numbers an agent (codec version {}). {}\n",
        codec.width(),
        codec::VERSION,
        if codec.rows() == 1 {
            "The service block for each service, then the shared block."
        } else {
            "The agent's service block, then the shared block."
        }
    )?;
    writeln!(w, "| block | entry | meaning |\n|---|---|---|")?;
    for (block, features) in [("service", codec::SERVICE), ("shared", codec::SHARED)] {
        for feature in features {
            writeln!(w, "| {block} | `{}` | {} |", feature.name, feature.meaning)?;
        }
    }
    writeln!(
        w,
        "\n**Reward** terms, with the weights of the configured goal:\n\n| term | weight | meaning |\n|---|---|---|"
    )?;
    let weights = config.reward_weights();
    for term in TERMS {
        writeln!(w, "| `{}` | {} | {} |", term.name, weights.get(term.name).unwrap_or(&0.0), term.meaning)?;
    }
    writeln!(
        w,
        "\n**Constraint signals** beside the reward: `tail` (share of requests that failed or were slow, over the 5 % that a p95 allows, to the fourth power, at most 1), `violation` (share of SLO windows over the bound), `latency` (p95 over the bound, at most 4). Where every service has a row, each gets them in proportion to the waiting that arose at it.\n"
    )?;
    writeln!(
        w,
        "**Episode**: {} actions, each held for {} decisions, one every {} s, from a random time of a training day. It is truncated, never terminated.",
        config.episode.steps, config.episode.hold, config.episode.interval_secs
    )
}

fn meaning(config: &RunConfig) -> String {
    match config.action {
        ActionKind::Trim => format!(
            "First head: relative shift of the inner HPA's target, one of {:?}. Second: replicas added, one of {:?}. Zero is the exact inner HPA.",
            config.trim.shifts, config.trim.feed_forward
        ),
        ActionKind::TrimContinuous => {
            "Shift of the inner HPA's target and replicas added, each from −1 to 1 over its bounds. Zero is the exact inner HPA.".to_owned()
        }
        ActionKind::Delta => format!("For each service a step from −{0} to {0} replicas; steps out of bounds are masked.", config.delta),
        ActionKind::Move => "Service × move (none, +1…+7, −1…−7), flat; moves out of bounds are masked.".to_owned(),
    }
}
