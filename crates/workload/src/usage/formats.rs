//! The formats of published usage recordings: how they look and what their columns mean.
//!
//! Left out: assembling rows to series ([`super::read`]).

use serde::{Deserialize, Serialize};

/// Bytes in a GB.
const GB: f64 = 1e9;

/// Cores and bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Size {
    /// Cores.
    pub cores: f64,
    /// Bytes.
    pub memory_bytes: f64,
}

/// A format, by where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsageFormat {
    /// Alibaba 2018 `machine_usage`: `machine_id,time_stamp (s),cpu %,mem %,…`, nine columns, no header.
    AlibabaMachine,
    /// Alibaba 2018 `container_usage`: `container_id,machine_id,time_stamp (s),cpu %,mem %,…`, eleven columns, no header.
    AlibabaContainer,
    /// Azure Public Dataset, VM readings: `timestamp (s),vm id,min,max,avg CPU %`, no header.
    AzureVm,
    /// Bitbrains and Materna (GWA-T-12, GWA-T-13): one virtual machine a file, `;` and a header.
    Bitbrains,
    /// Google Borg 2019 `instance_usage` as exported from `BigQuery`: a header with `start_time` (µs) and `average_usage`.
    Borg,
    /// `CoMon`/`PlanetLab`: one virtual machine's day a file, a CPU percentage every five minutes.
    PlanetLab,
    /// A header with the names of columns: `cpu_cores` or `cpu_millicores`; `memory_mb`, `memory_gb` or `memory_bytes`;
    /// `time_secs`; `container`. The smart-vpa system's is one without times, a row a minute.
    Table,
}

impl UsageFormat {
    /// All of them with their names in files and flags.
    pub const ALL: [(&'static str, Self); 7] = [
        ("alibaba_machine", Self::AlibabaMachine),
        ("alibaba_container", Self::AlibabaContainer),
        ("azure_vm", Self::AzureVm),
        ("bitbrains", Self::Bitbrains),
        ("borg", Self::Borg),
        ("planetlab", Self::PlanetLab),
        ("table", Self::Table),
    ];

    /// Name in files and flags.
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(_, format)| *format == self);
        found.map_or("", |(name, _)| name)
    }

    /// The size that 100 % is taken for where nobody says it. Alibaba's machines have 96 cores; its memory is published as a
    /// share only, and 4 GB a core is our guess. A Borg machine of size 1 is taken for 64 cores and 512 GB, a container and a
    /// virtual machine of unknown size for 4 cores and 16 GB, a `PlanetLab` node for one core.
    pub fn assumed_size(self) -> Option<Size> {
        let size = |cores: f64, gb: f64| Some(Size { cores, memory_bytes: gb * GB });
        match self {
            Self::AlibabaMachine => size(96.0, 384.0),
            Self::AlibabaContainer | Self::AzureVm => size(4.0, 16.0),
            Self::Borg => size(64.0, 512.0),
            Self::PlanetLab => size(1.0, 0.0),
            Self::Bitbrains | Self::Table => None,
        }
    }

    /// The format that a text looks like, by its first lines.
    pub fn sniff(text: &str) -> Option<Self> {
        let mut lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
        let first = lines.find(|line| !line.is_empty() && !line.starts_with('#'))?;
        let lower = first.to_ascii_lowercase();
        let cells: Vec<&str> = first.split(',').map(str::trim).collect();
        let number = |cell: &str| cell.parse::<f64>().is_ok();
        Some(match cells.as_slice() {
            _ if lower.contains("cpu usage [mhz]") => Self::Bitbrains,
            _ if lower.contains("average_usage") => Self::Borg,
            _ if lower.contains("cpu_cores") || lower.contains("cpu_millicores") => Self::Table,
            [only] if number(only) => Self::PlanetLab,
            [id, time, ..] if cells.len() == 9 && !number(id) && number(time) => Self::AlibabaMachine,
            [id, _, time, ..] if cells.len() == 11 && !number(id) && number(time) => Self::AlibabaContainer,
            [time, id, low, high, mean]
                if number(time) && !number(id) && [low, high, mean].into_iter().all(|c| number(c)) =>
            {
                Self::AzureVm
            }
            _ => return None,
        })
    }
}
