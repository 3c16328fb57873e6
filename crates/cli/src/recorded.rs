//! Flags of recorded use of CPU and memory, which vertical autoscalers are compared and tuned on.
//!
//! Left out: what is done with it.

use clap::Args;
use trimtab_lab::vertical::CaseConfig;
use trimtab_model::Seconds;
use trimtab_workload::{UsageFormat, UsageOptions};

/// How recorded use of CPU and memory is read and played; the recordings themselves are the flag `usage` of whoever has these.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Recorded use")]
pub(crate) struct RecordedArgs {
    /// Format of the recordings [default: found]
    #[arg(long, value_name = "NAME", requires = "usage", value_parser = format_of)]
    usage_format: Option<UsageFormat>,
    /// Cores that 100 % stands for [default: the format's assumption]
    #[arg(long, value_name = "N", requires = "usage")]
    usage_cores: Option<f64>,
    /// GB of memory that 100 % stands for [default: the format's assumption]
    #[arg(long, value_name = "N", requires = "usage")]
    usage_gb: Option<f64>,
    /// Seconds between rows without times
    #[arg(long, value_name = "N", requires = "usage")]
    usage_step_secs: Option<f64>,
    /// Share of each series for learning and fitting; the rest is scored [default: 0.5]
    #[arg(long, value_name = "SHARE", requires = "usage")]
    train_share: Option<f64>,
    /// Seconds between two measurements and two decisions [default: 60]
    #[arg(long, value_name = "N", requires = "usage")]
    interval_secs: Option<f64>,
    /// Seconds that a killed or recreated container is down [default: 30]
    #[arg(long, value_name = "N", requires = "usage")]
    restart_secs: Option<f64>,
    /// CPU limit over CPU request [default: 2]
    #[arg(long, value_name = "N", requires = "usage")]
    cpu_limit_ratio: Option<f64>,
    /// Memory limit over memory request [default: 1]
    #[arg(long, value_name = "N", requires = "usage")]
    memory_limit_ratio: Option<f64>,
}

fn format_of(text: &str) -> Result<UsageFormat, String> {
    let found = UsageFormat::ALL.iter().find(|(name, _)| *name == text);
    let names = UsageFormat::ALL.map(|(name, _)| name).join(", ");
    found.map(|(_, format)| *format).ok_or_else(|| format!("expected one of {names}"))
}

impl RecordedArgs {
    /// As the library takes it.
    pub(crate) fn config(&self) -> CaseConfig {
        let default = CaseConfig::default();
        CaseConfig {
            reading: UsageOptions {
                format: self.usage_format,
                cores: self.usage_cores,
                memory_bytes: self.usage_gb.map(|gb| gb * 1e9),
                step: self.usage_step_secs.map(Seconds),
            },
            train_share: self.train_share.unwrap_or(default.train_share),
            interval_secs: self.interval_secs.unwrap_or(default.interval_secs),
            restart_secs: self.restart_secs.unwrap_or(default.restart_secs),
            cpu_limit_ratio: self.cpu_limit_ratio.unwrap_or(default.cpu_limit_ratio),
            memory_limit_ratio: self.memory_limit_ratio.unwrap_or(default.memory_limit_ratio),
        }
    }
}
