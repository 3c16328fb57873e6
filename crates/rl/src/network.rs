//! Shape and start of an algorithm's networks, and the head that fits an action space.
//!
//! Left out: the networks themselves, see `trimtab-nn`.

use serde::{Deserialize, Serialize};
use trimtab_nn::actor_critic::Group;
use trimtab_nn::{ActionHead, Activation, ActorCritic, Architecture, Encoder, Initialisation, Recurrence};

use crate::critic::CriticView;
use crate::env::{ActionSpace, EnvSpec};

/// Shape and start of the networks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkConfig {
    /// Widths of the hidden layers of actor and critic; at least one.
    pub hidden: Vec<usize>,
    /// Function after each hidden layer.
    pub activation: Activation,
    /// Whether actor and critic share their hidden layers.
    pub shared_trunk: bool,
    /// Gain of the actor's output weights.
    pub output_gain: f32,
    /// Start from these choices, one for each head of the action space; an empty list for a continuous space,
    /// whose means then start at exactly 0. None: random outputs with `output_gain`.
    pub default_action: Option<Vec<u32>>,
    /// Bias of the default choices; with `n` choices, one starts with probability `e^b / (e^b + n − 1)`.
    pub default_logit: f32,
    /// Logarithm of the first standard deviation in a continuous space.
    pub log_std_init: f32,
    /// An LSTM before the hidden layers; none: what a policy does depends on the present observation alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recurrence: Option<Recurrence>,
    /// How observations are read.
    #[serde(skip_serializing_if = "Encoder::is_none")]
    pub encoder: Encoder,
    /// Parts that stay as they are: `encoder`, `recurrence`, `actor`, `critic`, `heads`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub freeze: Vec<Group>,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        let start = Initialisation::default();
        Self {
            hidden: vec![64, 64],
            activation: Activation::Tanh,
            shared_trunk: false,
            output_gain: start.output_gain,
            default_action: start.default_action,
            default_logit: start.default_logit,
            log_std_init: start.log_std,
            recurrence: None,
            encoder: Encoder::None,
            freeze: vec![],
        }
    }
}

impl NetworkConfig {
    /// Sizes of the networks for an environment, with a value for each signal and what values are estimated from.
    pub(crate) fn architecture(&self, spec: &EnvSpec, signals: usize, critic: CriticView) -> Architecture {
        Architecture {
            obs_dim: spec.obs_dim,
            head: action_head(&spec.action_space),
            value_heads: signals,
            hidden: self.hidden.clone(),
            activation: self.activation,
            shared_trunk: self.shared_trunk,
            critic_obs_dim: critic.dim(spec),
            recurrence: self.recurrence.clone(),
            encoder: self.encoder.clone(),
        }
    }

    /// Networks with given weights, its frozen parts marked.
    pub(crate) fn frozen(&self, mut policy: ActorCritic) -> ActorCritic {
        self.freeze.iter().for_each(|group| policy.freeze(*group));
        policy
    }

    pub(crate) fn initialisation(&self) -> Initialisation {
        Initialisation {
            output_gain: self.output_gain,
            default_action: self.default_action.clone(),
            default_logit: self.default_logit,
            log_std: self.log_std_init,
        }
    }
}

/// The head whose actions fit a space.
pub(crate) fn action_head(space: &ActionSpace) -> ActionHead {
    match space {
        ActionSpace::Discrete(choices) => ActionHead::Discrete(*choices),
        ActionSpace::MultiDiscrete(choices) => ActionHead::MultiDiscrete(choices.clone()),
        ActionSpace::Box(length) => ActionHead::Gaussian(*length),
    }
}
