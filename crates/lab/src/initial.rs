//! Replicas to begin with: what a given rate needs at a given utilisation of the usable cores.

use trimtab_model::Application;

/// Writes, for each service, the fewest allowed replicas that keep utilisation at or below `utilization`
/// (above 0) for `rate` requests per second from outside.
pub fn replicas_for(application: &Application, rate: f64, utilization: f64, replicas: &mut [u32]) {
    for ((service, visits), replicas) in application.services.iter().zip(application.visits()).zip(replicas) {
        let pod = service.usable_cores() * utilization / service.cpu_per_call.0;
        let needed = (rate * visits / pod).ceil().min(f64::from(u32::MAX)) as u32;
        *replicas = needed.clamp(service.replicas.min, service.replicas.max);
    }
}
