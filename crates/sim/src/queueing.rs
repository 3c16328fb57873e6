//! Closed forms of queueing theory that the fluid model uses.
//!
//! Source of the formulas: Kleinrock, *Queueing Systems* I (1975).

/// Probability that a job waits in M/M/k (Erlang's C formula).
///
/// `servers` k ≥ 1, `load` a = λ·S in erlangs, 0 ≤ a < k. The recursion over Erlang's B is stable.
pub fn erlang_c(servers: u32, load: f64) -> f64 {
    let mut blocked = 1.0;
    for i in 1..=servers {
        blocked = load * blocked / (f64::from(i) + load * blocked);
    }
    let utilization = load / f64::from(servers);
    blocked / (1.0 - utilization * (1.0 - blocked))
}

/// Mean response time of processor sharing over `cores` cores with at most one core a job, in units of the
/// mean service time: `1 + C(k, a) / (k − a)`. Insensitive to the service-time distribution for k = 1.
pub fn processor_sharing(cores: u32, load: f64) -> f64 {
    1.0 + erlang_c(cores, load) / (f64::from(cores) - load)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_waits_with_probability_rho() {
        assert!((erlang_c(1, 0.7) - 0.7).abs() < 1e-12);
    }

    #[test]
    fn two_servers_match_the_closed_form() {
        // C(2, a) = a² / (2 + a) · … reduces to 2ρ² / (1 + ρ).
        let rho: f64 = 0.6;
        assert!((erlang_c(2, 2.0 * rho) - 2.0 * rho * rho / (1.0 + rho)).abs() < 1e-12);
    }

    #[test]
    fn processor_sharing_on_one_core_is_one_over_one_minus_rho() {
        assert!((processor_sharing(1, 0.8) - 5.0).abs() < 1e-12);
    }
}
