//! The applications that ship with trimtab, those that a user describes in a file, and generated ones.
//!
//! Left out: what an application is, see [`trimtab_model::application`].

mod drawing;
mod generated;
mod topology;

pub use drawing::drawing;

use crate::{Error, Result};
use std::path::Path;
use trimtab_model::Application;

/// Name and file of every application that ships.
pub const SHIPPED: [(&str, &str); 4] = [
    ("online_boutique", include_str!("../../../apps/online_boutique.toml")),
    ("redis", include_str!("../../../apps/redis.toml")),
    ("chained_services", include_str!("../../../apps/chained_services.toml")),
    ("teastore", include_str!("../../../apps/teastore.toml")),
];

/// Whether [`load`] would look for `name`: an application that ships, a generated one or a file.
pub fn is_known(name: &str) -> bool {
    let is_file =
        Path::new(name).extension().is_some_and(|extension| extension == "toml" || extension == "json");
    is_file || generated::numbers(name).is_some() || SHIPPED.iter().any(|(known, _)| *known == name)
}

/// The application called `name`; the one described in the file `name` (`.toml`, or `.json` of k8s-hpa's topologies); or of
/// `generated-N-S`, N services from seed S.
///
/// # Errors
/// [`Error::Unknown`] naming the nearest application, [`Error::Read`], or [`Error::Application`] or [`Error::Run`] with the file's
/// name.
pub fn load(name: &str) -> Result<Application> {
    let path = Path::new(name);
    if path.extension().is_some_and(|extension| extension == "toml") {
        return parse(name, &crate::files::read_text(path)?);
    }
    if path.extension().is_some_and(|extension| extension == "json") {
        let called = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("topology");
        return topology::parse(called, &crate::files::read_text(path)?)
            .map_err(|message| Error::run(path, message));
    }
    if let Some((services, seed)) = generated::numbers(name) {
        return generated::make(services, seed)
            .map_err(|source| Error::Application { file: name.to_owned(), source });
    }
    match SHIPPED.iter().find(|(known, _)| *known == name) {
        Some((_, text)) => parse(name, text),
        None => {
            Err(Error::unknown("application", name, SHIPPED.iter().map(|s| s.0).chain(["generated-18-7"])))
        }
    }
}

fn parse(name: &str, text: &str) -> Result<Application> {
    Application::from_toml(text).map_err(|source| Error::Application { file: name.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_application_loads_under_its_own_name() {
        for (name, _) in SHIPPED {
            assert_eq!(load(name).unwrap().name, name);
        }
    }

    #[test]
    fn an_unknown_application_names_the_nearest() {
        let text = load("online_botique").unwrap_err().to_string();
        assert!(text.contains("did you mean \"online_boutique\""), "{text}");
    }

    #[test]
    fn a_missing_file_is_named() {
        assert!(load("nowhere.toml").unwrap_err().to_string().contains("nowhere.toml"));
    }
}
