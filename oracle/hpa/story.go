// Package hpa answers stories with the decisions of Kubernetes' own HPA controller.
//
// A story is one line of JSON: how the controller is started, and what it finds at each sync. The answer is one line
// as well: what the controller did at each sync. The controller runs as it is; around it are an API and metrics that
// answer from the story, and virtual time.
//
// Left out: making stories and judging answers, which crates/control/tests/oracle does.
package hpa

import (
	"encoding/json"

	autoscaling "k8s.io/api/autoscaling/v2"
)

// Story is a run of one HPA. Times are seconds since the story began.
type Story struct {
	Period    float64         `json:"period"`
	Downscale float64         `json:"downscale"`
	Tolerance float64         `json:"tolerance"`
	CPUInit   float64         `json:"cpu_init"`
	Readiness float64         `json:"readiness"`
	Gates     map[string]bool `json:"gates"`
	Replicas  int32           `json:"replicas"`
	OtherHPA  bool            `json:"other_hpa"`
	Steps     []Step          `json:"steps"`
}

// Step is what the controller finds at one sync.
type Step struct {
	// Spec replaces the HPA's spec; nil leaves it. It is defaulted as the API server does.
	Spec *autoscaling.HorizontalPodAutoscalerSpec `json:"spec"`
	// Replicas is somebody else's change of the scale target; nil leaves what the controller wrote.
	Replicas       *int32             `json:"replicas"`
	StatusReplicas int32              `json:"status_replicas"`
	Selector       string             `json:"selector"`
	GetFails       bool               `json:"get_fails"`
	UpdateFails    bool               `json:"update_fails"`
	Pods           []Pod              `json:"pods"`
	Readings       map[string]Reading `json:"readings"`
}

// Pod is one pod that the selector matches.
type Pod struct {
	Name       string      `json:"name"`
	Phase      string      `json:"phase"`
	Deleting   bool        `json:"deleting"`
	Started    *float64    `json:"started"`
	Ready      *Ready      `json:"ready"`
	Containers []Container `json:"containers"`
	Init       []Container `json:"init"`
	PodLevel   *Amounts    `json:"pod_level"`
}

// Ready is a pod's Ready condition.
type Ready struct {
	Status string  `json:"status"`
	Since  float64 `json:"since"`
}

// Container is a container and its requests.
type Container struct {
	Name        string  `json:"name"`
	Requests    Amounts `json:"requests"`
	Restartable bool    `json:"restartable"`
}

// Amounts are requests; nil is none of that resource.
type Amounts struct {
	CPU    *int64 `json:"cpu"`
	Memory *int64 `json:"memory"`
}

// Reading is what the metrics API has of one metric. Values are thousandths.
type Reading struct {
	Fails   bool     `json:"fails"`
	Samples []Sample `json:"samples"`
	Value   int64    `json:"value"`
	Series  []int64  `json:"series"`
}

// Sample is one pod's value.
type Sample struct {
	Pod    string  `json:"pod"`
	Value  int64   `json:"value"`
	At     float64 `json:"at"`
	Window float64 `json:"window"`
}

// Answer is what the controller did.
type Answer struct {
	Steps []Done  `json:"steps"`
	Error *string `json:"error,omitempty"`
}

// Done is what the controller did at one sync.
type Done struct {
	Syncs      int               `json:"syncs"`
	Replicas   int32             `json:"replicas"`
	Current    int32             `json:"current"`
	Desired    int32             `json:"desired"`
	LastScale  *float64          `json:"last_scale"`
	Metrics    []json.RawMessage `json:"metrics"`
	Conditions []Condition       `json:"conditions"`
	Events     []string          `json:"events"`
}

// Condition is a condition of the status.
type Condition struct {
	Type   string  `json:"type"`
	Status string  `json:"status"`
	Reason string  `json:"reason"`
	Since  float64 `json:"since"`
}
