//! Scratch.
use std::sync::atomic::AtomicBool;
use trimtab_lab::{calibration::Search, evaluation::Detail, run_dir::RunDir, traffic::Traffic, training, *};
#[allow(clippy::all, clippy::pedantic)]
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let mut config = RunConfig::default();
    config.traffic[0].source = args.get(1).cloned().unwrap_or("worldcup98".into());
    if let Some(f) = args.get(2) {
        config = config::resolve(&[
            config::Layer::file(f, &std::fs::read_to_string(f).unwrap()).unwrap(),
            config::Layer::key("x", &["traffic"], &format!("[{{source=\"{}\"}}]", args[1])),
        ])
        .unwrap();
    }
    let scenario = training::scenario(&config).unwrap();
    let app = &scenario.application;
    let traffic = Traffic::load(&config.traffic[0], app).unwrap();
    println!("peak {:.1} {:.1} cap {:.1}", traffic.train_peak.0, traffic.test_peak.0, app.largest_capacity());
    let t = std::time::Instant::now();
    let cal = format!("/tmp/cal-{}.toml", traffic.name);
    if let Ok(text) = std::fs::read_to_string(&cal) {
        config.inner = toml::from_str(&text).unwrap();
    } else {
        training::calibrate_inner(&mut config, &traffic.train, 2, &mut |_, _| {}).unwrap();
        std::fs::write(&cal, toml::to_string(&config.inner).unwrap()).unwrap();
        println!("calibrated in {:.1}s", t.elapsed().as_secs_f64());
    }
    println!("{:?}", config.inner);
    let score = |name: &str,
                 mk: &mut dyn FnMut() -> Box<dyn trimtab_control::Autoscaler>,
                 days: &[traffic::Day]| {
        let (mut c, mut v, mut p, mut a, mut rev) = (0.0, 0.0, 0.0, 0.0, String::new());
        for (i, d) in days.iter().enumerate() {
            for s in 0..2u64 {
                let r =
                    scenario.run_day(mk().as_mut(), d, s * 10_007 + i as u64, Detail::Percentiles).unwrap();
                c += r.score.core_hours;
                v += r.score.violation_share;
                p += r.score.p95_ms;
                a += r.score.scaling_actions;
                if s == 0 {
                    rev += &format!(" {:.1}/{:.2}%", r.score.core_hours, 100.0 * r.score.violation_share);
                }
            }
        }
        let n = days.len() as f64 * 2.0;
        println!(
            "{name:28} {:8.2} core-h  viol {:.3}%  p95 {:.0}  actions {:.0} |{rev}",
            c / n,
            100.0 * v / n,
            p / n,
            a / n
        );
    };
    if std::env::var("BASE").is_ok() {
        for (label, days) in [("train", &traffic.train), ("test", &traffic.test)] {
            println!("{label}");
            score("hpa80", &mut || Box::new(trimtab_control::Hpa::default_for(app).unwrap()), days);
            score("calibrated", &mut || Box::new(policy_file::inner(&config, app).unwrap()), days);
        }
        let mut s = Search::new(&scenario, &traffic.train, &config.inner.calibration, 2);
        let t = std::time::Instant::now();
        let f = s.fixed(&mut |_, _| {}).unwrap();
        println!("fixed {f:?} {:.1}s", t.elapsed().as_secs_f64());
        score("fixed", &mut || Box::new(trimtab_control::Fixed::new(f.0.clone())), &traffic.test);
    }
    if std::env::var("FRONT").is_ok() {
        for f in [0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2] {
            let t: Vec<u32> =
                config.inner.target_percent.iter().map(|x| (*x as f64 * f).round() as u32).collect();
            for (label, days) in [("train", &traffic.train), ("test", &traffic.test)] {
                score(
                    &format!("hpa x{f} {label}"),
                    &mut || Box::new(calibration::hpa(app, &t, config.inner.scale_down_secs).unwrap()),
                    days,
                );
            }
        }
        return;
    }
    if std::env::var("WHERE").is_ok() {
        use trimtab_model::{Plant, Seconds};
        let day = traffic.test.last().unwrap();
        let mut replicas = vec![2; app.services.len()];
        initial::replicas_for(app, day.rate.rate(Seconds(0.0)).0, 0.6, &mut replicas);
        let mut plant = trimtab_sim::SimulatedPlant::new(
            app,
            config.sim.clone(),
            day.rate.clone(),
            day.start,
            &replicas,
            5,
        )
        .unwrap();
        let mut guards = trimtab_control::Guardrails::new(config.guardrails, app).unwrap();
        let mut a: Box<dyn trimtab_control::Autoscaler> = if let Some(d) = args.get(3) {
            Box::new(policy_file::load(&RunDir::new(d), app).unwrap())
        } else {
            Box::new(policy_file::inner(&config, app).unwrap())
        };
        let (mut k, mut starting) = (0, 0);
        evaluation::drive(&mut plant, a.as_mut(), &mut guards, Seconds(15.0), 5760, |p, seen, _| {
            let t = p.last_interval();
            if t.violated_windows > 0.0 {
                k += 1;
                let st = seen.services.iter().any(|s| s.replicas.starting > 0);
                starting += st as i32;
                if k % 3 == 0 {
                    let u: Vec<String> = [9usize, 1, 6, 2, 0, 3]
                        .iter()
                        .map(|&i| {
                            let s = &seen.services[i];
                            format!(
                                "{}:{}+{} {:.0}%",
                                &app.services[i].name[..4],
                                s.replicas.ready,
                                s.replicas.starting,
                                100.0
                                    * s.cpu.map_or(0.0, |c| c.value.0 as f64
                                        / s.allocation.cpu_limit.unwrap().0 as f64)
                            )
                        })
                        .collect();
                    println!(
                        "{:.2}h rate {:.1} (seen {:.1}) p95 {:.0} {}",
                        (seen.time.0 - day.start.0) / 3600.0,
                        t.offered / 15.0,
                        seen.rate.map_or(0.0, |r| r.value.0),
                        1000.0 * p.last_window().unwrap().1,
                        u.join("  ")
                    );
                }
            }
        })
        .unwrap();
        println!("violations {k}, with starting pods {starting}, cost {:.2}", plant.tally().core_hours());
        let _ = plant.now();
        return;
    }
    let dir = RunDir::new(args.get(3).cloned().unwrap_or("/tmp/run-probe".into()));
    let _ = std::fs::remove_dir_all(dir.path());
    let t = std::time::Instant::now();
    let mut last = 0;
    training::train(&config, &dir, false, &AtomicBool::new(false), &mut |p| {
        if p.timesteps / 100_000 != last {
            last = p.timesteps / 100_000;
            println!(
                "{:8} {:.0}/s ret {:.2} cost {:.3} viol {:.3}% mult {:?}",
                p.timesteps,
                p.steps_per_sec,
                p.episode_return,
                p.cost,
                100.0 * p.violation_share,
                p.multiplier
            );
        }
    })
    .unwrap();
    println!("trained in {:.1}s", t.elapsed().as_secs_f64());
    score("calibrated train", &mut || Box::new(policy_file::inner(&config, app).unwrap()), &traffic.train);
    score("trim train", &mut || Box::new(policy_file::load(&dir, app).unwrap()), &traffic.train);
    score("calibrated test", &mut || Box::new(policy_file::inner(&config, app).unwrap()), &traffic.test);
    score("trim test", &mut || Box::new(policy_file::load(&dir, app).unwrap()), &traffic.test);
}
