//! Validation every few steps: the score in the logs, the best policy on disk, and the end of a run that gets no better.
//!
//! ```text
//! evaluations.csv           one line a validation
//! best/policy.safetensors   the policy with the least score so far, without settling
//! best/score.json           that score
//! ```

use super::{
    callback::{Callback, Flow, Moment},
    logs::cut_back,
    policy_of,
};
use crate::{
    Error, Result,
    config::RunConfig,
    files, policy_file,
    run_dir::RunDir,
    validation::{Evaluation, Validation},
};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, OpenOptions},
    io::Write,
};
use trimtab_nn::{Policy, Tensors};

const HEADER: &str = "timesteps,score,cost,core_hours,violation_share,reward,is_best";

/// See the module.
pub struct Selection {
    config: RunConfig,
    validation: Validation,
    memory: Memory,
}

/// What is in a checkpoint.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Memory {
    best: Option<Best>,
    /// Validations since the best one.
    worse: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct Best {
    timesteps: u64,
    evaluation: Evaluation,
    /// The file.
    policy: Vec<u8>,
}

impl Selection {
    /// For a run with `config`.
    pub fn new(config: &RunConfig, validation: Validation) -> Self {
        Self { config: config.clone(), validation, memory: Memory::default() }
    }

    /// The best policy so far; `None` before the first validation.
    ///
    /// # Errors
    /// [`Error::Run`] for a policy that cannot be read back.
    pub fn best(&self, dir: &RunDir) -> Result<Option<Policy>> {
        let Some(best) = &self.memory.best else { return Ok(None) };
        let read =
            Tensors::from_bytes(&best.policy).and_then(|mut tensors| Policy::from_tensors(&mut tensors));
        read.map(Some).map_err(|e| Error::run(dir.file("best"), format!("is not a policy: {e}")))
    }

    fn write_best(&self, dir: &RunDir) -> Result<()> {
        let Some(best) = &self.memory.best else { return Ok(()) };
        files::create_dir(&dir.file("best"))?;
        files::write_atomic(&dir.file("best/policy.safetensors"), &best.policy)?;
        let score = serde_json::json!({ "timesteps": best.timesteps, "evaluation": best.evaluation });
        files::write_atomic(&dir.file("best/score.json"), format!("{score:#}\n").as_bytes())
    }
}

impl Callback for Selection {
    fn name(&self) -> &'static str {
        "selection"
    }

    fn begin(&mut self, dir: &RunDir, timesteps: u64, memory: Option<&[u8]>) -> Result<()> {
        self.memory = match memory {
            None => Memory::default(),
            Some(bytes) => postcard::from_bytes(bytes).map_err(|e| {
                let message = format!("hold no memory of the validations: {e}");
                Error::run(dir.file("checkpoints"), message)
            })?,
        };
        cut_back(&dir.file("evaluations.csv"), Some(HEADER), timesteps)?;
        let best = dir.file("best");
        if best.exists() {
            // It may be one of a step that is about to be made again.
            fs::remove_dir_all(&best).map_err(|source| Error::Write { path: best, source })?;
        }
        self.write_best(dir)
    }

    fn after_iteration(&mut self, moment: &mut Moment<'_>) -> Result<Flow> {
        let setting = self.config.validation;
        if !moment.passed(setting.every_timesteps) && !moment.is_last() {
            return Ok(Flow::Continue);
        }
        let (timesteps, policy) = (moment.timesteps(), policy_of(moment.learner));
        let evaluation = self.validation.policy(&policy)?;
        let is_best = self.memory.best.as_ref().is_none_or(|best| evaluation.score < best.evaluation.score);
        if is_best {
            let policy = policy_file::to_bytes(&policy, &self.config);
            self.memory = Memory { best: Some(Best { timesteps, evaluation, policy }), worse: 0 };
            self.write_best(moment.dir)?;
        } else {
            self.memory.worse += 1;
        }
        let best = self.memory.best.as_ref().map_or(evaluation.score, |best| best.evaluation.score);
        moment.log.extend([
            ("eval/mean_reward".into(), evaluation.reward),
            ("eval/score".into(), evaluation.score),
            ("eval/best_score".into(), best),
            ("eval/cost".into(), evaluation.cost),
            ("eval/violation_share".into(), evaluation.violation_share),
        ]);
        append(moment.dir, timesteps, &evaluation, is_best)?;
        let enough = setting.patience > 0 && self.memory.worse >= setting.patience;
        let reached = evaluation.score <= setting.target_score;
        Ok(if enough || reached { Flow::Stop } else { Flow::Continue })
    }

    fn memory(&self) -> Vec<u8> {
        postcard::to_stdvec(&self.memory).expect("a memory has a binary form")
    }
}

fn append(dir: &RunDir, timesteps: u64, evaluation: &Evaluation, is_best: bool) -> Result<()> {
    let Evaluation { score, cost, core_hours, violation_share, reward } = evaluation;
    let line = format!("{timesteps},{score},{cost},{core_hours},{violation_share},{reward},{is_best}\n");
    let path = dir.file("evaluations.csv");
    let written = OpenOptions::new().append(true).open(&path).and_then(|mut f| f.write_all(line.as_bytes()));
    written.map_err(|source| Error::Write { path, source })
}
