//! Actor-critics with memory and graphs against `PyTorch`: what `fixtures/make.py` wrote.
#![expect(clippy::unwrap_used, reason = "a fixture that cannot be read is a failed test")]

use trimtab_nn::actor_critic::{EvaluationGradient, Samples};
use trimtab_nn::{ActionHead, ActionSlice, ActionSliceMut, ActorCritic, Inputs, Sequences, Tensors};

const TOLERANCE: f64 = 1e-5;

const LENGTH: usize = 6;
const ENTROPY_WEIGHT: f32 = -0.2;

struct Case {
    name: String,
    policy: ActorCritic,
    tensors: Tensors,
    choices: Vec<u32>,
    masks: Vec<bool>,
}

impl Case {
    fn read(name: &str) -> Self {
        let path = format!("{}/tests/fixtures/{name}.safetensors", env!("CARGO_MANIFEST_DIR"));
        let mut tensors = Tensors::from_bytes(&std::fs::read(path).unwrap()).unwrap();
        let policy = ActorCritic::from_tensors(&mut tensors).unwrap();
        let numbers = |name| tensors.get(name).map_or(&[][..], |tensor| tensor.data());
        let choices = numbers("batch.actions").iter().map(|x| *x as u32).collect();
        let masks = numbers("batch.masks").iter().map(|x| *x > 0.0).collect();
        Self { name: name.into(), policy, choices, masks, tensors }
    }

    /// One tensor; empty where there is none.
    fn get(&self, name: &str) -> &[f32] {
        self.tensors.get(name).map_or(&[], |tensor| tensor.data())
    }

    fn inputs(&self) -> Inputs<'_> {
        let masks = (!self.masks.is_empty()).then_some(&self.masks[..]);
        Inputs { obs: self.get("batch.obs"), critic_obs: self.get("batch.critic_obs"), masks }
    }

    fn actions(&self) -> ActionSlice<'_> {
        match self.policy.architecture().head {
            ActionHead::Gaussian(_) => ActionSlice::Numbers(self.get("batch.actions")),
            _ => ActionSlice::Choices(&self.choices),
        }
    }

    fn starts(&self) -> Vec<bool> {
        self.get("batch.starts").iter().map(|x| *x > 0.0).collect()
    }

    fn agrees(&self, what: &str, found: &[f32], expected: &[f32]) {
        assert_eq!(found.len(), expected.len(), "{}: {what}", self.name);
        for (found, expected) in found.iter().zip(expected) {
            let error = f64::from((found - expected).abs()) / f64::from(expected.abs()).max(1.0);
            assert!(error < TOLERANCE, "{}: {what} is {found}, expected {expected}", self.name);
        }
    }
}

fn cases() -> Vec<Case> {
    [
        "lstm_separate",
        "lstm_shared",
        "lstm_none",
        "lstm_shared_trunk",
        "own_critic_obs",
        "gat_pooled",
        "gat_nodes",
        "gcn_pooled_shared_trunk",
        "gcn_nodes",
        "gcn_node_and_move",
        "gat_lstm_nodes",
        "gat_lstm_move",
        "gcn_lstm_pooled",
    ]
    .map(Case::read)
    .into()
}

#[test]
fn evaluations_and_gradients_agree_with_pytorch() {
    for case in cases() {
        let policy = &case.policy;
        let (starts, memory) = (case.starts(), case.get("batch.memory"));
        let mut ws = policy.workspace_for(starts.len());
        let sequences = Sequences { length: LENGTH, starts: &starts, memory };
        // Twice: nothing of the first batch may be left in the buffers.
        for _ in 0..2 {
            let found = policy.evaluate(case.inputs(), case.actions(), Some(sequences), &mut ws);
            case.agrees("log-probability", found.log_probs, case.get("expected.log_probs"));
            case.agrees("entropy", found.entropies, case.get("expected.entropies"));
            case.agrees("value", found.values, case.get("expected.values"));
            let gradient = EvaluationGradient {
                log_probs: case.get("upstream.log_probs"),
                entropies: ENTROPY_WEIGHT,
                values: case.get("upstream.values"),
            };
            policy.prepare_backward(&mut ws);
            let mut grads = vec![0.0; policy.params().len()];
            policy.backward(case.inputs(), case.actions(), gradient, &mut ws, &mut grads);
            let mut holder = policy.clone();
            holder.params_mut().copy_from_slice(&grads);
            let found = holder.to_tensors();
            for name in found.names() {
                let expected = case.get(&format!("gradient.{name}"));
                case.agrees(&format!("gradient of {name}"), found.get(name).unwrap().data(), expected);
            }
            let mut named = ActorCritic::from_tensors(&mut holder.to_tensors()).unwrap();
            assert_eq!(named.params_mut(), grads, "{}: padding has no gradient", case.name);
        }
    }
}

/// Room for actions of the policy's kind.
fn room<'a>(policy: &ActorCritic, choices: &'a mut [u32], numbers: &'a mut [f32]) -> ActionSliceMut<'a> {
    match policy.architecture().head {
        ActionHead::Gaussian(_) => ActionSliceMut::Numbers(numbers),
        _ => ActionSliceMut::Choices(choices),
    }
}

#[test]
fn acting_step_by_step_ends_with_the_memory_and_values_of_the_sequence() {
    for case in cases().into_iter().filter(|case| case.policy.is_recurrent()) {
        let policy = &case.policy;
        let Inputs { obs, critic_obs, .. } = case.inputs();
        let starts = case.starts();
        let (n, width) = (starts.len() / LENGTH, policy.architecture().head.width());
        let (mut ws, mut memory) = (policy.workspace(), policy.memory(n));
        memory.as_mut_slice().copy_from_slice(case.get("batch.memory"));
        let mut actor_only = memory.clone();
        let (mut rng, mut values, mut log_probs) =
            (rand_pcg::Pcg64::new(1, 1), vec![0.0; n * 2], vec![0.0; n]);
        for step in 0..LENGTH {
            for row in (0..n).filter(|row| starts[step * n + row]) {
                memory.forget(row);
                actor_only.forget(row);
            }
            let part = |all: &'_ [f32]| -> Vec<f32> {
                let width = all.len() / LENGTH;
                all[step * width..(step + 1) * width].to_vec()
            };
            let (obs, critic_obs) = (part(obs), part(critic_obs));
            let inputs = Inputs { obs: &obs, critic_obs: &critic_obs, masks: None };
            policy.values(inputs, memory.as_slice(), &mut ws, &mut values);
            case.agrees("value", &values, &part(case.get("expected.values")));
            let (mut choices, mut numbers) = (vec![0; n * width], vec![0.0; n * width]);
            policy.act(inputs, &mut actor_only, &mut ws, room(policy, &mut choices, &mut numbers));
            let actions = room(policy, &mut choices, &mut numbers);
            let out = Samples { actions, log_probs: &mut log_probs, values: &mut values };
            policy.sample(inputs, &mut memory, &mut rng, &mut ws, out);
            case.agrees("value", &values, &part(case.get("expected.values")));
        }
        case.agrees("memory", memory.as_slice(), case.get("expected.memory"));
        let hidden = policy.architecture().recurrence.as_ref().unwrap().hidden_size;
        for row in 0..n {
            assert_eq!(actor_only.row(row)[..2 * hidden], memory.row(row)[..2 * hidden], "{}", case.name);
        }
    }
}
