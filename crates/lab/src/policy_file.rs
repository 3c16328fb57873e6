//! A trained policy on disk, and the autoscaler it becomes.

use crate::{
    Error, Result, applications, calibration, config::RunConfig, environments, files, run_dir::RunDir,
};
use std::path::Path;
use trimtab_control::{Codec, CodecConfig, Hpa, Learned, Steering, codec};
use trimtab_model::Application;
use trimtab_nn::{Policy, Tensors};

const CODEC: &str = "codec_version";
const ENV: &str = "env";
const ACTION: &str = "action";

/// The policy's bytes, with what it takes to use it.
///
/// # Panics
/// Never: the kind of action has a TOML form.
pub fn to_bytes(policy: &Policy, config: &RunConfig) -> Vec<u8> {
    let mut tensors = policy.to_tensors();
    tensors.metadata.extend(identity(config).into_iter().map(|(key, value)| (key.to_owned(), value)));
    tensors.to_bytes()
}

/// Writes the policies of a finished run into `dir`: one for all agents as `policy.safetensors`, else the first one's there
/// and those of agents 1, 2, … as `policy-1.safetensors` and so on, before it.
///
/// # Errors
/// [`Error::Write`].
pub fn write(dir: &RunDir, policies: &[Policy], config: &RunConfig) -> Result<()> {
    for (agent, policy) in policies.iter().enumerate().rev() {
        files::write_atomic(&dir.file(&name(agent)), &to_bytes(policy, config))?;
    }
    Ok(())
}

/// Writes policies apart from the run they come from, as a directory that takes a finished run's place wherever one is read.
///
/// # Errors
/// [`Error::Write`].
pub fn write_model(path: &Path, policies: &[Policy], config: &RunConfig) -> Result<()> {
    let dir = RunDir::new(path);
    files::create_dir(path)?;
    write(&dir, policies, config)?;
    files::write_atomic(&dir.file("config.toml"), config.to_toml().as_bytes())
}

/// The policies that [`write()`] wrote.
///
/// # Errors
/// As [`read`].
pub fn read_all(dir: &RunDir, config: &RunConfig) -> Result<Vec<Policy>> {
    let mut policies = vec![read(dir, config)?];
    while dir.file(&name(policies.len())).exists() {
        policies.push(read_file(&dir.file(&name(policies.len())), config)?);
    }
    Ok(policies)
}

fn name(agent: usize) -> String {
    if agent == 0 { "policy.safetensors".to_owned() } else { format!("policy-{agent}.safetensors") }
}

/// What a policy must have been made with to be used with a configuration.
fn identity(config: &RunConfig) -> Vec<(&'static str, String)> {
    let env = (ENV, config.env.clone());
    if environments::find(&config.env).is_some() {
        return vec![env];
    }
    vec![(CODEC, codec::VERSION.to_string()), env, (ACTION, action(config))]
}

fn action(config: &RunConfig) -> String {
    toml::Value::try_from(config.action).expect("the kind of action has a TOML form").to_string()
}

/// The autoscaler that the run in `dir` trained, for `application`.
///
/// # Errors
/// [`Error::Run`] for a run without a policy, a damaged file, or a policy that was trained with another
/// application, action or codec version.
pub fn load(dir: &RunDir, application: &Application) -> Result<Learned> {
    let config = dir.config()?;
    if environments::find(&config.env).is_some() {
        let message = format!("was trained in environment {:?}, expected one on an application", config.env);
        return Err(Error::run(dir.path(), message));
    }
    let policy = read(dir, &config)?;
    let trained = applications::load(&config.env)?;
    if trained.name != application.name {
        let message = format!("was trained on {:?}, expected {:?}", trained.name, application.name);
        return Err(Error::run(dir.file("policy.safetensors"), message));
    }
    learned(policy, &config, application)
}

/// The policy that the run in `dir` with `config` trained, for whatever application.
///
/// # Errors
/// [`Error::Run`] for a run without a policy, a damaged file, or a policy of another codec version.
pub fn read(dir: &RunDir, config: &RunConfig) -> Result<Policy> {
    let path = dir.file("policy.safetensors");
    if !path.exists() {
        return Err(Error::run(
            dir.path(),
            "has no policy.safetensors, expected a finished run (see --resume)",
        ));
    }
    read_file(&path, config)
}

fn read_file(path: &Path, config: &RunConfig) -> Result<Policy> {
    let bytes = files::read_bytes(path)?;
    let wrong = |message: String| Error::run(path, message);
    let mut tensors = Tensors::from_bytes(&bytes)
        .map_err(|e| wrong(format!("is not a policy, expected a whole safetensors file: {e}")))?;
    for (key, expected) in identity(config) {
        let found = tensors.metadata.get(key).cloned().unwrap_or_default();
        if found != expected {
            return Err(wrong(format!("was made with {key} {found:?}, expected {expected:?}")));
        }
    }
    Policy::from_tensors(&mut tensors).map_err(|e| wrong(format!("is not a policy: {e}")))
}

/// Joins a policy with the codec and the steering of its configuration.
///
/// # Errors
/// When they do not fit.
pub fn learned(policy: Policy, config: &RunConfig, application: &Application) -> Result<Learned> {
    let inner = inner(config, application)?;
    let codec_targets = Steering::targets(&inner);
    let steering = Steering::new(config.action, config.trim.clone(), config.delta, inner, application)?;
    let codec = Codec::new(&CodecConfig { layout: steering.layout(), targets: codec_targets }, application);
    Ok(Learned::new(policy, codec, steering, config.episode.hold)?)
}

/// The HPA inside `trim`, from a configuration in which it has been calibrated or given.
///
/// # Errors
/// [`Error::Config`] when there are not as many targets as services.
pub fn inner(config: &RunConfig, application: &Application) -> Result<Hpa> {
    let (given, services) = (config.inner.target_percent.len(), application.services.len());
    if given != services {
        let message = format!("has {given} entries, expected one for each of the {services} services");
        return Err(Error::config("inner.target_percent", message));
    }
    let inner = &config.inner;
    calibration::hpa(application, &inner.target_percent, inner.scale_down_secs, inner.scale_down_percent)
}
