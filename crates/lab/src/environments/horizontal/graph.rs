//! Who calls whom among the deployments of an application: from its own requests, or from a file of edges.
//!
//! Left out: weights of calls. An entry is 1 or 0, as in `GRLScaler`.

use crate::{Error, Result, files};
use std::path::Path;
use trimtab_model::Application;

/// `n × n`: row `i`, column `j` is 1 where deployment `i` calls `j`. From the file `edges`, or from the application if that is
/// empty.
///
/// # Errors
/// [`Error::Read`], or [`Error::Run`] naming file and line.
pub fn adjacency(application: &Application, edges: &str) -> Result<Vec<f32>> {
    let n = application.services.len();
    let mut adjacency = vec![0.0; n * n];
    let pairs = if edges.is_empty() {
        application.edges().into_iter().map(|(from, to, _)| (from, to)).collect()
    } else {
        let path = Path::new(edges);
        parse(application, &files::read_text(path)?).map_err(|message| Error::run(path, message))?
    };
    for (from, to) in pairs {
        adjacency[from * n + to] = 1.0;
    }
    Ok(adjacency)
}

/// Lines `source,destination`, below a header of that (or `src,dst`, as `GRLScaler`'s scraper has it) or without one; further fields are
/// passed over.
fn parse(application: &Application, text: &str) -> Result<Vec<(usize, usize)>, String> {
    let names = || application.services.iter().map(|service| service.name.as_str());
    let find = |line: usize, name: &str| {
        application.service(name).ok_or_else(|| {
            let unknown = Error::unknown("service", name, names());
            format!("line {line}: {unknown}")
        })
    };
    let mut pairs = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let mut fields = line.split(',').map(str::trim);
        let (Some(from), Some(to)) = (fields.next(), fields.next()) else {
            return Err(format!("line {} is {line:?}, expected source,destination", at + 1));
        };
        if at == 0 && matches!((from, to), ("source", "destination") | ("src", "dst")) {
            continue;
        }
        let pair = (find(at + 1, from)?, find(at + 1, to)?);
        if pair.0 == pair.1 {
            return Err(format!("line {}: {from:?} calls itself, expected two services", at + 1));
        }
        if pairs.contains(&pair) {
            return Err(format!("line {}: the call of {to:?} by {from:?} comes twice", at + 1));
        }
        pairs.push(pair);
    }
    if pairs.is_empty() {
        return Err("has no calls, expected lines source,destination".to_owned());
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::applications::load;

    #[test]
    fn the_graph_of_online_boutique_is_the_published_one() {
        let adjacency = adjacency(&load("online_boutique").unwrap(), "").unwrap();
        let calls = |from: usize| (0..11).filter(|to| adjacency[from * 11 + to] == 1.0).collect::<Vec<_>>();
        assert_eq!(calls(9), [0, 1, 2, 3, 5, 6, 8]);
        assert_eq!(calls(8), [1, 2, 4, 5, 6, 10]);
        assert_eq!((calls(0), calls(2)), (vec![1], vec![7]));
        assert_eq!(adjacency.iter().sum::<f32>(), 15.0);
    }

    #[test]
    fn edges_may_be_given_and_mistakes_are_named() {
        let redis = load("redis").unwrap();
        let edges = "src,dst,rps\nredis-leader,redis-follower,3.2\n";
        assert_eq!(parse(&redis, edges).unwrap(), [(0, 1)]);
        let wrong = |text: &str| parse(&redis, text).unwrap_err();
        assert!(wrong("redis-leader,redis-folower").contains("did you mean \"redis-follower\""));
        assert!(wrong("redis-leader").contains("line 1"));
        assert!(wrong("redis-leader,redis-leader").contains("calls itself"));
        assert!(wrong("redis-leader,redis-follower\nredis-leader,redis-follower").contains("twice"));
        assert!(wrong("source,destination\n").contains("no calls"));
    }
}
