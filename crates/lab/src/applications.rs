//! The applications that ship with trimtab, and those that a user describes in a file.

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

/// The application called `name`, or the one described in the file `name` (anything that ends in `.toml`).
///
/// # Errors
/// [`Error::Unknown`] naming the nearest application, [`Error::Read`], or [`Error::Application`] with the file's name.
pub fn load(name: &str) -> Result<Application> {
    if Path::new(name).extension().is_some_and(|e| e == "toml") {
        let text = crate::files::read_text(Path::new(name))?;
        return parse(name, &text);
    }
    match SHIPPED.iter().find(|(known, _)| *known == name) {
        Some((_, text)) => parse(name, text),
        None => Err(Error::unknown("application", name, SHIPPED.iter().map(|s| s.0))),
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
