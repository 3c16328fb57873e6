//! Kubernetes manifests as YAML text: what `kubectl apply` takes.
//!
//! Left out: what a manifest says ([`trimtab_control::hpa::manifest`] and its like) and files.

use crate::{Error, Result};
use serde::{Serialize, de::DeserializeOwned};

/// A manifest as YAML.
///
/// # Errors
/// Never for a manifest, whose keys are strings.
pub fn to_yaml(manifest: &impl Serialize) -> Result<String> {
    serde_saphyr::to_string(manifest).map_err(|error| Error::config("manifest", error.to_string()))
}

/// Reads one manifest; `file` is named in errors.
///
/// # Errors
/// Text that is no YAML, a field that the manifest does not have, or one that is missing.
pub fn from_yaml<M: DeserializeOwned>(file: &str, text: &str) -> Result<M> {
    serde_saphyr::from_str(text).map_err(|error| Error::config(file, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use trimtab_control::hpa::{HpaSpec, Manifest, ObjectReference};
    use trimtab_model::ReplicaBounds;

    fn web() -> ObjectReference {
        let (api_version, kind) = ("apps/v1".to_owned(), "Deployment".to_owned());
        ObjectReference { api_version, kind, name: "web".to_owned() }
    }

    #[test]
    fn a_tuned_hpa_is_a_manifest_to_apply() {
        let spec = HpaSpec::cpu(ReplicaBounds { min: 2, max: 9 }, 65)
            .with_scale_down_window(120.0)
            .with_scale_down_rate(25);
        let text = to_yaml(&Manifest::new("web", web(), &spec)).unwrap();
        for line in [
            "apiVersion: autoscaling/v2",
            "  minReplicas: 2",
            "averageUtilization: 65",
            "stabilizationWindowSeconds: 120",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
        let read: Manifest = from_yaml("web.yaml", &text).unwrap();
        assert_eq!(read.spec().unwrap(), spec);
    }

    #[test]
    fn a_manifest_as_people_write_it_is_read() {
        let text = r"
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: web
  labels: { team: a }
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: Deployment, name: web }
  maxReplicas: 10
  metrics:
    - type: External
      external:
        metric: { name: queue, selector: { matchLabels: { queue: work } } }
        target: { type: AverageValue, averageValue: 30 }
    - type: Resource
      resource: { name: memory, target: { type: AverageValue, averageValue: 512Mi } }
  behavior:
    scaleUp: { tolerance: 0.05 }
";
        let read: Manifest = from_yaml("web.yaml", text).unwrap();
        let spec = read.spec().unwrap();
        assert_eq!(spec.metrics.len(), 2);
        assert_eq!(spec.behavior.unwrap().scale_up.tolerance, Some(0.05));
    }

    #[test]
    fn a_mistake_in_a_manifest_is_told_with_the_file() {
        let text = to_yaml(&Manifest::new("web", web(), &HpaSpec::cpu(ReplicaBounds { min: 1, max: 2 }, 50)));
        let wrong = text.unwrap().replace("maxReplicas", "maxReplica");
        let error = from_yaml::<Manifest>("web.yaml", &wrong).unwrap_err().to_string();
        assert!(error.starts_with("web.yaml: ") && error.contains("maxReplica"), "{error}");
    }
}
