//! Layers of a configuration, merged key by key.

use super::RunConfig;
use crate::{Error, Result, environments, error::nearest};
use toml::{Table, Value};

/// One layer: what it is called in errors, and its keys.
#[derive(Clone, Debug)]
pub struct Layer {
    /// Such as `run.toml`, `TRIMTAB__SEED` or `--seed`.
    pub place: String,
    /// Keys and values.
    pub table: Table,
}

impl Layer {
    /// A TOML file's text.
    ///
    /// # Errors
    /// [`Error::Config`] with the file's name, line and column.
    pub fn file(place: &str, text: &str) -> Result<Self> {
        let table = text.parse::<Table>().map_err(|e| Error::config(place, e.to_string().trim_end()))?;
        Ok(Self { place: place.to_owned(), table })
    }

    /// One key by its path, such as `["ppo", "gamma"]`. Text that is not a TOML value is taken as a string.
    pub fn key(place: &str, path: &[&str], text: &str) -> Self {
        let parsed = format!("x = {text}").parse::<Table>().ok().and_then(|mut t| t.remove("x"));
        let mut value = parsed.unwrap_or_else(|| Value::String(text.to_owned()));
        for key in path.iter().rev() {
            value = Value::Table(Table::from_iter([((*key).to_owned(), value)]));
        }
        let Value::Table(table) = value else { unreachable!("a path has at least one key") };
        Self { place: place.to_owned(), table }
    }

    /// Variables `TRIMTAB__A__B` in the given environment.
    pub fn variables(variables: impl Iterator<Item = (String, String)>) -> Vec<Self> {
        let mut layers: Vec<Self> = variables
            .filter_map(|(name, text)| {
                let path = name.strip_prefix("TRIMTAB__")?.to_lowercase();
                let path: Vec<&str> = path.split("__").collect();
                Some(Self::key(&name, &path, &text))
            })
            .collect();
        layers.sort_by(|a, b| a.place.cmp(&b.place));
        layers
    }
}

/// Merges `layers`, weakest first, over the defaults and, above those, what suits the environment that the layers name.
///
/// # Errors
/// [`Error::Config`] naming the layer, the key and, for an unknown key, the nearest valid one.
pub fn resolve(layers: &[Layer]) -> Result<RunConfig> {
    let defaults = table_of(&RunConfig::default());
    let mut merged = defaults.clone();
    let own = layers.iter().rev().find_map(|layer| layer.table.get("env")?.as_str());
    if let Some(registered) = own.and_then(environments::find) {
        merge(&mut merged, &Layer::file(registered.name, registered.defaults)?.table);
    }
    for layer in layers {
        check_keys(&layer.place, "", &layer.table, &defaults)?;
        merge(&mut merged, &layer.table);
        // Read after each layer, so that a wrong value is blamed on the layer that set it.
        RunConfig::deserialize_table(merged.clone())
            .map_err(|message| Error::config(&layer.place, message))?;
    }
    let config =
        RunConfig::deserialize_table(merged).map_err(|message| Error::config("defaults", message))?;
    config.validate()?;
    Ok(config)
}

impl RunConfig {
    fn deserialize_table(table: Table) -> Result<Self, String> {
        table.try_into().map_err(|e: toml::de::Error| e.to_string().trim_end().replace('\n', " "))
    }
}

fn table_of(config: &RunConfig) -> Table {
    Table::try_from(config).expect("every field of a configuration has a TOML form")
}

fn merge(base: &mut Table, over: &Table) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Value::Table(base)), Value::Table(over)) => merge(base, over),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

fn check_keys(place: &str, path: &str, table: &Table, valid: &Table) -> Result<()> {
    for (key, value) in table {
        let full = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        match (valid.get(key), value) {
            // Optional hyper-parameters are absent from the defaults.
            (Some(Value::Table(valid)), Value::Table(inner)) if !NAMED_LATER.contains(&full.as_str()) => {
                check_keys(place, &full, inner, valid)?;
            }
            (Some(Value::Array(valid)), Value::Array(entries)) => {
                if let Some(Value::Table(valid)) = valid.first() {
                    for entry in entries.iter().filter_map(Value::as_table) {
                        check_keys(place, &full, entry, valid)?;
                    }
                }
            }
            (None, _) if !OPTIONAL.contains(&full.as_str()) => {
                let known: Vec<&str> = valid.keys().map(String::as_str).chain(optional_below(path)).collect();
                let message = format!(
                    "unknown key {full:?}{}, expected one of: {}",
                    nearest(key, &known),
                    known.join(", ")
                );
                return Err(Error::config(place, message));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Tables whose keys are names of terms, which are checked by whoever reads them.
const NAMED_LATER: [&str; 3] = ["reward", "teastore.weights", "horizontal.weights"];

/// Settings without a default value, which a table of the defaults does not show.
const OPTIONAL: [&str; 19] = [
    "ppo.clip_range_vf",
    "ppo.target_kl",
    "ppo.kl_coeff",
    "ppo.sequence_length",
    "ppo.network.default_action",
    "ppo.network.recurrence",
    "ppo.network.encoder",
    "ppo.network.freeze",
    "a2c.sequence_length",
    "a2c.network.default_action",
    "a2c.network.recurrence",
    "a2c.network.encoder",
    "a2c.network.freeze",
    "sac.target_entropy",
    "start.cloning.sequence_length",
    "vpa.case.reading.format",
    "vpa.case.reading.cores",
    "vpa.case.reading.memory_bytes",
    "vpa.case.reading.step_secs",
];

fn optional_below(path: &str) -> impl Iterator<Item = &str> {
    OPTIONAL.iter().filter_map(move |full| full.strip_prefix(path)?.strip_prefix('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Algorithm;
    use trimtab_control::ActionKind;

    fn file(text: &str) -> Result<RunConfig> {
        resolve(&[Layer::file("run.toml", text)?])
    }

    #[test]
    fn flags_beat_variables_beat_files_beat_defaults() {
        let layers = [
            Layer::file("run.toml", "seed = 1\nn_envs = 4\n[ppo]\ngamma = 0.9\n").unwrap(),
            Layer::key("TRIMTAB__N_ENVS", &["n_envs"], "8"),
            Layer::key("--seed", &["seed"], "7"),
        ];
        let config = resolve(&layers).unwrap();
        assert_eq!((config.seed, config.n_envs, config.ppo.gamma), (7, 8, 0.9));
        assert_eq!(config.total_timesteps, RunConfig::default().total_timesteps);
    }

    #[test]
    fn an_unknown_key_names_its_place_and_the_nearest() {
        let text = file("[ppo]\ngama = 0.9\n").unwrap_err().to_string();
        assert!(text.starts_with("run.toml: unknown key \"ppo.gama\" (did you mean \"gamma\"?)"), "{text}");
        let text = file("[[traffic]]\nsorce = \"x\"\n").unwrap_err().to_string();
        assert!(text.contains("traffic.sorce") && text.contains("source"), "{text}");
    }

    #[test]
    fn a_wrong_value_is_blamed_on_the_layer_that_set_it() {
        let layers = [Layer::key("TRIMTAB__SEED", &["seed"], "many")];
        let text = resolve(&layers).unwrap_err().to_string();
        assert!(text.starts_with("TRIMTAB__SEED: "), "{text}");
    }

    #[test]
    fn bad_syntax_names_line_and_column() {
        let text = file("seed = 1\nn_envs == 4\n").unwrap_err().to_string();
        assert!(text.contains("run.toml") && text.contains("line 2"), "{text}");
    }

    #[test]
    fn a_variable_is_a_path_of_keys() {
        let variables =
            [("TRIMTAB__PPO__GAMMA".to_owned(), "0.5".to_owned()), ("HOME".to_owned(), "x".to_owned())];
        let config = resolve(&Layer::variables(variables.into_iter())).unwrap();
        assert_eq!(config.ppo.gamma, 0.5);
    }

    #[test]
    fn the_written_configuration_reads_back_equal() {
        let config = RunConfig::default();
        assert_eq!(file(&config.to_toml()).unwrap(), config);
    }

    #[test]
    fn optional_settings_can_be_given() {
        let config =
            file("[sac]\ntarget_entropy = -1.0\n[ddpg.action_noise]\nkind = \"gaussian\"\n").unwrap();
        assert_eq!(config.sac.target_entropy, Some(-1.0));
    }

    #[test]
    fn algorithms_name_the_actions_they_can_learn() {
        let check = |algorithm: Algorithm, action| algorithm.check_action(action);
        let error = check(Algorithm::Dqn, ActionKind::TrimContinuous).unwrap_err().to_string();
        let expected = "algorithm: is dqn, expected with it action trim, delta or move, which are choices, not trim_continuous";
        assert_eq!(error, expected);
        assert!(
            check(Algorithm::Ddpg, ActionKind::Move).unwrap_err().to_string().contains("trim_continuous")
        );
        for action in [ActionKind::Trim, ActionKind::Delta, ActionKind::Move] {
            check(Algorithm::Dqn, action).unwrap();
            check(Algorithm::Sac, action).unwrap();
        }
        for algorithm in [Algorithm::Ddpg, Algorithm::Td3, Algorithm::Sac, Algorithm::Ppo] {
            check(algorithm, ActionKind::TrimContinuous).unwrap();
        }
    }

    #[test]
    fn values_out_of_range_name_their_key() {
        assert!(file("n_envs = 0").unwrap_err().to_string().contains("n_envs: is 0, expected at least 1"));
        assert!(file("[reward]\nspeed = 1.0").unwrap_err().to_string().contains("reward term"));
    }
}
