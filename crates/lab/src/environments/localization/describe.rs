//! What `localization` is made of, for `trimtab env describe`.
//!
//! Left out: how that is written, see [`Description`].

use super::{ActionKind, FEATURES, Localization, LocalizationConfig, Start, Turns, reward::OWN};
use crate::{
    Result,
    config::RunConfig,
    environments::description::{ActionEntry, Description, Entry, Term, Values},
};

pub(super) fn describe(config: &RunConfig) -> Result<Description> {
    let rules = Localization::new(&config.localization)?;
    let c = rules.config();
    let mut notes = vec![
        "Original and corrections: an action counts as far as the budget allows instead of not at all; five and eleven choices are \
         changes, not shares of the budget of which every negative one means the least; reward and use are of the second after the \
         action, not before it; millicores changed are counted for `instant` too; nobody is served first (`turns`). \
         `localization_compat` is the original."
            .to_owned(),
        "The pods are simulated request by request in steps of a second; the simulated cluster of the applications is not used, as \
         its sub-steps of 5 s and waits of a steady state are too coarse here."
            .to_owned(),
        "The CPU time of a request (`localization.pod.cpu_ms`) is an assumption: nothing was published."
            .to_owned(),
    ];
    notes.push(format!(
        "An agent that joins has the least limit and its present for a past; one that leaves gives its CPU back. {}",
        if c.varying() { "Agents come and go here." } else { "Here all stay." }
    ));
    let budget = format!("at least {} millicores, and of what the budget has left", c.min_cpu);
    let turns = match c.turns {
        Turns::Simultaneous => "shares in proportion to what was asked for",
        Turns::Sequential => "what the agents before it left",
    };
    let (meaning, values) = action(c);
    let mut reward = reward(c);
    reward[1].meaning = format!("{}; response times count up to {} s", reward[1].meaning, c.slowest_secs);
    Ok(Description {
        agents: agents(c),
        observation: observation(&rules),
        action: vec![ActionEntry {
            name: "cpu".to_owned(),
            meaning: format!("{meaning}; {budget} {turns}"),
            values,
        }],
        masks: String::new(),
        reward,
        costs: Vec::new(),
        start: start(c),
        terminated: "never; an agent that leaves ends its own trajectory".to_owned(),
        truncated: format!("after {} steps of {} s", c.steps, c.interval_secs),
        notes,
    })
}

/// Who acts.
pub(crate) fn agents(config: &LocalizationConfig) -> String {
    let budget = if config.variable_resources {
        "500 to 2000 millicores, drawn for each episode,".to_owned()
    } else {
        format!("{} millicores", config.resources)
    };
    format!("{} agents, each with the pod of a service; together they have {budget} of CPU", config.agents)
}

/// Every entry of the observation, oldest step first.
pub(crate) fn observation(rules: &Localization) -> Vec<Entry> {
    let steps = rules.config().history;
    let bounds = |name: &str| match name {
        "available" => (f64::NEG_INFINITY, 1.0),
        "priority" | "others_priority" => (0.0, 1.0),
        _ => (0.0, f64::INFINITY),
    };
    (0..steps)
        .flat_map(|step| {
            let ago = steps - 1 - step;
            let when = if ago == 0 { "now".to_owned() } else { format!("{ago} steps ago") };
            rules.seen().iter().map(move |place| {
                let (name, meaning, unit) = FEATURES[*place];
                let (low, high) = bounds(name);
                Entry::number(&format!("{name}_{ago}"), &format!("{meaning}, {when}"), unit, low, high)
            })
        })
        .collect()
}

/// What an action means, and its values.
fn action(config: &LocalizationConfig) -> (&'static str, Values) {
    let scale = f64::from(config.scale_action);
    let changes = |choices: usize| {
        let change = |choice| scale * ActionKind::factor(f64::from(choice), choices);
        Values::Choices((0..choices as u32).map(|choice| format!("{:+.0}m", change(choice))).collect())
    };
    match config.actions {
        ActionKind::Discrete3 => {
            let step = config.increment;
            (
                "change of the CPU limit",
                Values::Choices(vec![format!("-{step}m"), "+0m".to_owned(), format!("+{step}m")]),
            )
        }
        ActionKind::Discrete5 => ("change of the CPU limit", changes(5)),
        ActionKind::Discrete11 => ("change of the CPU limit", changes(11)),
        ActionKind::Continuous => (
            "change of the CPU limit",
            Values::Number { low: -scale, high: scale, unit: "millicores".to_owned() },
        ),
        ActionKind::Instant => (
            "CPU limit as a share of the budget",
            Values::Number { low: 0.0, high: 1.0, unit: "of the budget".to_owned() },
        ),
    }
}

/// Terms of the reward.
pub(crate) fn reward(config: &LocalizationConfig) -> Vec<Term> {
    let (low, high) = (config.lower_cpu, config.upper_cpu);
    let rising = format!("below {low} % of the limit the change of use over 10 points, within −1 and 1");
    let own = match config.reward_function {
        1 => format!("−1 where use is {low} % of the limit or less, else 0"),
        4 | 5 => format!("{rising}; else 0"),
        _ => format!("{rising}; up to {high} % 1 + use/{}; above 0", high - low),
    };
    let alpha = config.alpha;
    let shared = match config.reward_function {
        3 | 5 => "1 − 10 × mean response time (s) of the services".to_owned(),
        4 => "−10 × mean response time (s) of the services".to_owned(),
        _ => format!("1 − {alpha} × (Σ (1 + priority) × response time (s) − 0.01) over the services"),
    };
    vec![
        Term { name: "use".to_owned(), weight: OWN, meaning: own },
        Term { name: "shared".to_owned(), weight: 1.0, meaning: shared },
    ]
}

/// Where an episode starts.
pub(crate) fn start(config: &LocalizationConfig) -> String {
    let limits = match config.start {
        Start::Min => "the least CPU limits",
        Start::Equal => "equal CPU limits",
        Start::Random => "random CPU limits within the budget",
    };
    let users = if !config.phases.is_empty() {
        format!("{} parts with users and agents of their own", config.phases.len())
    } else if config.random_rps {
        format!(
            "for each third of the episode {} to {} users a pod, divided among the pods at random",
            config.min_rps, config.rps
        )
    } else {
        format!("{} users a pod", config.rps)
    };
    let priorities = if config.random_priorities { "; priorities drawn" } else { "" };
    format!("{limits}; {users}{priorities}")
}
