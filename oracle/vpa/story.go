package oracle

import (
	"math/big"
	"strconv"
	"time"

	inf "gopkg.in/inf.v0"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	vpa "k8s.io/autoscaler/vertical-pod-autoscaler/pkg/apis/autoscaling.k8s.io/v1"
)

// Story is one question. Instants are milliseconds since the Unix epoch, amounts thousandths of a core or a byte.
type Story struct {
	Kind        string            `json:"kind"`
	Recommender *RecommenderStory `json:"recommender,omitempty"`
	Updater     *UpdaterStory     `json:"updater,omitempty"`
	Layout      *LayoutStory      `json:"layout,omitempty"`
}

// Amounts is a resource list in thousandths; an absent entry is not in the list.
type Amounts struct {
	CPU    *int64 `json:"cpu,omitempty"`
	Memory *int64 `json:"memory,omitempty"`
}

// Policy is a container resource policy.
type Policy struct {
	Container           string    `json:"container"`
	Off                 bool      `json:"off"`
	Min                 Amounts   `json:"min"`
	Max                 Amounts   `json:"max"`
	Controlled          *[]string `json:"controlled"`
	RequestsOnly        bool      `json:"requests_only"`
	OOMBumpUpRatio      *int64    `json:"oom_bump_up_ratio"`
	OOMMinBumpUp        *int64    `json:"oom_min_bump_up"`
	MemoryIntervalSecs  *int32    `json:"memory_interval_secs"`
	MemoryIntervalCount *int64    `json:"memory_interval_count"`
}

func instant(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

func (a Amounts) list() corev1.ResourceList {
	if a.CPU == nil && a.Memory == nil {
		return nil
	}
	list := corev1.ResourceList{}
	if a.CPU != nil {
		list[corev1.ResourceCPU] = *resource.NewMilliQuantity(*a.CPU, resource.DecimalSI)
	}
	if a.Memory != nil {
		list[corev1.ResourceMemory] = *resource.NewMilliQuantity(*a.Memory, resource.BinarySI)
	}
	return list
}

// thousandths writes a resource list as decimal strings, because a capped limit does not fit a JSON number.
func thousandths(list corev1.ResourceList) map[string]string {
	out := map[string]string{}
	for name, quantity := range list {
		out[string(name)] = milli(quantity)
	}
	return out
}

func milli(quantity resource.Quantity) string {
	copied := quantity.DeepCopy()
	scaled := new(inf.Dec).Mul(copied.AsDec(), inf.NewDec(1000, 0))
	rounded := new(inf.Dec).Round(scaled, 0, inf.RoundUp)
	return new(big.Int).Set(rounded.UnscaledBig()).String()
}

func bits(value uint64) string { return strconv.FormatUint(value, 10) }

func resourcePolicy(policies *[]Policy) *vpa.PodResourcePolicy {
	if policies == nil {
		return nil
	}
	out := &vpa.PodResourcePolicy{}
	for _, p := range *policies {
		item := vpa.ContainerResourcePolicy{
			ContainerName:                    p.Container,
			MinAllowed:                       p.Min.list(),
			MaxAllowed:                       p.Max.list(),
			MemoryAggregationIntervalSeconds: p.MemoryIntervalSecs,
			MemoryAggregationIntervalCount:   p.MemoryIntervalCount,
		}
		if p.Off {
			mode := vpa.ContainerScalingModeOff
			item.Mode = &mode
		}
		if p.Controlled != nil {
			names := []corev1.ResourceName{}
			for _, name := range *p.Controlled {
				names = append(names, corev1.ResourceName(name))
			}
			item.ControlledResources = &names
		}
		if p.RequestsOnly {
			values := vpa.ContainerControlledValuesRequestsOnly
			item.ControlledValues = &values
		}
		if p.OOMBumpUpRatio != nil {
			item.OOMBumpUpRatio = resource.NewMilliQuantity(*p.OOMBumpUpRatio, resource.DecimalSI)
		}
		if p.OOMMinBumpUp != nil {
			item.OOMMinBumpUp = resource.NewMilliQuantity(*p.OOMMinBumpUp, resource.DecimalSI)
		}
		out.ContainerPolicies = append(out.ContainerPolicies, item)
	}
	return out
}

// Recommendation is what the recommender says about one container.
type Recommendation struct {
	Container string            `json:"container"`
	Target    map[string]string `json:"target"`
	Lower     map[string]string `json:"lower"`
	Upper     map[string]string `json:"upper"`
	Uncapped  map[string]string `json:"uncapped"`
}
