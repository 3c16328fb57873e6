package oracle

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	vpa "k8s.io/autoscaler/vertical-pod-autoscaler/pkg/apis/autoscaling.k8s.io/v1"
	typed "k8s.io/autoscaler/vertical-pod-autoscaler/pkg/client/clientset/versioned/typed/autoscaling.k8s.io/v1"
	"k8s.io/autoscaler/vertical-pod-autoscaler/pkg/recommender/checkpoint"
	"k8s.io/autoscaler/vertical-pod-autoscaler/pkg/recommender/logic"
	"k8s.io/autoscaler/vertical-pod-autoscaler/pkg/recommender/model"
	"k8s.io/autoscaler/vertical-pod-autoscaler/pkg/recommender/routines"
	"k8s.io/autoscaler/vertical-pod-autoscaler/pkg/recommender/util"
	controllerfetcher "k8s.io/autoscaler/vertical-pod-autoscaler/pkg/target/controller_fetcher"
)

// RecommenderStory is a history of one VPA's pods.
type RecommenderStory struct {
	Config   RecommenderConfig `json:"config"`
	Policies *[]Policy         `json:"policies"`
	// IntegerCPU names the containers that the VPA's annotations opt into whole cores.
	IntegerCPU []string `json:"integer_cpu"`
	Steps      []Step   `json:"steps"`
}

// RecommenderConfig holds the recommender's flags.
type RecommenderConfig struct {
	MemoryIntervalSecs  int64   `json:"memory_interval_secs"`
	MemoryIntervalCount int64   `json:"memory_interval_count"`
	CPUHalfLifeSecs     int64   `json:"cpu_half_life_secs"`
	MemoryHalfLifeSecs  int64   `json:"memory_half_life_secs"`
	OOMBumpUpRatio      float64 `json:"oom_bump_up_ratio"`
	OOMMinBumpUp        float64 `json:"oom_min_bump_up"`
	Margin              float64 `json:"margin"`
	PodMinCPU           float64 `json:"pod_min_cpu_millicores"`
	PodMinMemory        float64 `json:"pod_min_memory_mb"`
	TargetCPU           float64 `json:"target_cpu"`
	LowerCPU            float64 `json:"lower_cpu"`
	UpperCPU            float64 `json:"upper_cpu"`
	TargetMemory        float64 `json:"target_memory"`
	LowerMemory         float64 `json:"lower_memory"`
	UpperMemory         float64 `json:"upper_memory"`
	ConfidenceCPU       int64   `json:"confidence_cpu_secs"`
	ConfidenceMemory    int64   `json:"confidence_memory_secs"`
	Humanize            bool    `json:"humanize"`
	RoundCPU            int     `json:"round_cpu_millicores"`
	RoundMemory         int     `json:"round_memory_bytes"`
	WholeCPU            bool    `json:"whole_cpu"`
	MaxAllowed          Amounts `json:"max_allowed"`
}

// Step is one thing that happens; Do says which and which fields count.
type Step struct {
	At         int64    `json:"at"`
	Do         string   `json:"do"`
	Pod        string   `json:"pod,omitempty"`
	Labels     string   `json:"labels,omitempty"`
	Phase      string   `json:"phase,omitempty"`
	Containers []string `json:"containers,omitempty"`
	Container  string   `json:"container,omitempty"`
	// Samples of use: instant, millicores, bytes.
	Samples          [][3]int64 `json:"samples,omitempty"`
	Time             int64      `json:"time,omitempty"`
	Request          int64      `json:"request,omitempty"`
	Policies         *[]Policy  `json:"policies,omitempty"`
	ControllerExists bool       `json:"controller_exists,omitempty"`
}

// HistogramState is a checkpointed histogram; the weight is an IEEE 754 bit pattern.
type HistogramState struct {
	Reference int64          `json:"reference"`
	Total     string         `json:"total"`
	Buckets   map[int]uint32 `json:"buckets"`
}

// CheckpointState is one container's checkpoint.
type CheckpointState struct {
	First   int64          `json:"first"`
	Last    int64          `json:"last"`
	Samples int            `json:"samples"`
	CPU     HistogramState `json:"cpu"`
	Memory  HistogramState `json:"memory"`
}

type recommenderRun struct {
	story       *RecommenderStory
	policies    *[]Policy
	cluster     model.ClusterState
	recommender routines.Recommender
	writer      checkpoint.CheckpointWriter
	saved       map[string]vpa.VerticalPodAutoscalerCheckpointStatus
	pods        map[string]Step
	object      *vpa.VerticalPodAutoscaler
}

var vpaID = model.VpaID{Namespace: "ns", VpaName: "vpa"}

const never = math.MinInt64

func instantOf(t metav1.Time) int64 {
	if t.IsZero() {
		return never
	}
	return t.UnixMilli()
}

func answerRecommender(story *RecommenderStory) ([]any, error) {
	run := &recommenderRun{story: story, policies: story.Policies, pods: map[string]Step{}}
	c := story.Config
	model.InitializeAggregationsConfig(model.NewAggregationsConfig(
		time.Duration(c.MemoryIntervalSecs)*time.Second, c.MemoryIntervalCount,
		time.Duration(c.MemoryHalfLifeSecs)*time.Second, time.Duration(c.CPUHalfLifeSecs)*time.Second,
		c.OOMBumpUpRatio, c.OOMMinBumpUp))
	if err := run.start(); err != nil {
		return nil, err
	}
	answers := []any{}
	for i := range story.Steps {
		step := &story.Steps[i]
		if wait := time.Until(instant(step.At)); wait > 0 {
			time.Sleep(wait)
		}
		answer, err := run.step(step)
		if err != nil {
			return nil, err
		}
		answers = append(answers, answer)
	}
	return answers, nil
}

func (r *recommenderRun) start() error {
	c := r.story.Config
	r.cluster = model.NewClusterState(0)
	r.saved = map[string]vpa.VerticalPodAutoscalerCheckpointStatus{}
	r.writer = checkpoint.NewCheckpointWriter(r.cluster, checkpointClient{saved: r.saved})
	processors := []routines.RecommendationPostProcessor{}
	if c.WholeCPU {
		processors = append(processors, &routines.IntegerCPUPostProcessor{})
	}
	processors = append(processors, routines.NewCappingRecommendationProcessor(c.MaxAllowed.list()))
	r.recommender = routines.RecommenderFactory{
		ClusterState:     r.cluster,
		CheckpointWriter: r.writer,
		PodResourceRecommender: logic.CreatePodResourceRecommender(logic.RecommendationConfig{
			SafetyMarginFraction:       c.Margin,
			PodMinCPUMillicores:        c.PodMinCPU,
			PodMinMemoryMb:             c.PodMinMemory,
			TargetCPUPercentile:        c.TargetCPU,
			LowerBoundCPUPercentile:    c.LowerCPU,
			UpperBoundCPUPercentile:    c.UpperCPU,
			ConfidenceIntervalCPU:      time.Duration(c.ConfidenceCPU) * time.Second,
			TargetMemoryPercentile:     c.TargetMemory,
			LowerBoundMemoryPercentile: c.LowerMemory,
			UpperBoundMemoryPercentile: c.UpperMemory,
			ConfidenceIntervalMemory:   time.Duration(c.ConfidenceMemory) * time.Second,
		}),
		RecommendationFormat: logic.RecommendationFormat{
			HumanizeMemory: c.Humanize, RoundCPUMillicores: c.RoundCPU, RoundMemoryBytes: c.RoundMemory,
		},
		VpaClient:                    statusClient{},
		RecommendationPostProcessors: processors,
		UpdateWorkerCount:            1,
	}.Make()
	return r.load()
}

func (r *recommenderRun) load() error {
	annotations := map[string]string{}
	for _, name := range r.story.IntegerCPU {
		annotations["vpa-post-processor.kubernetes.io/"+name+"_integerCPU"] = "true"
	}
	r.object = &vpa.VerticalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: vpaID.Namespace, Name: vpaID.VpaName, Annotations: annotations},
		Spec: vpa.VerticalPodAutoscalerSpec{
			TargetRef:      &autoscalingv1.CrossVersionObjectReference{Kind: "Deployment", Name: "target"},
			ResourcePolicy: resourcePolicy(r.policies),
		},
	}
	r.cluster.SetObservedVPAs([]*vpa.VerticalPodAutoscaler{r.object})
	return r.cluster.AddOrUpdateVpa(r.object, labels.SelectorFromSet(labels.Set{"app": "a"}))
}

func (r *recommenderRun) step(step *Step) (any, error) {
	pod := model.PodID{Namespace: vpaID.Namespace, PodName: step.Pod}
	container := model.ContainerID{PodID: pod, ContainerName: step.Container}
	switch step.Do {
	case "pod":
		r.pods[step.Pod] = *step
		return nil, r.addPod(step)
	case "delete_pod":
		delete(r.pods, step.Pod)
		r.cluster.DeletePod(pod)
		return nil, nil
	case "usage":
		accepted := 0
		for _, sample := range step.Samples {
			for _, name := range []model.ResourceName{model.ResourceCPU, model.ResourceMemory} {
				amount := sample[1]
				if name == model.ResourceMemory {
					amount = sample[2]
				}
				err := r.cluster.AddSample(&model.ContainerUsageSampleWithKey{
					Container: container,
					ContainerUsageSample: model.ContainerUsageSample{
						MeasureStart: instant(sample[0]), Usage: model.ResourceAmount(amount), Resource: name,
					},
				})
				if err == nil {
					accepted++
				}
			}
		}
		return accepted, nil
	case "oom":
		err := r.cluster.RecordOOM(container, instant(step.Time), model.ResourceAmount(step.Request))
		return err == nil, nil
	case "policies":
		r.policies = step.Policies
		return nil, r.load()
	case "collect_garbage":
		r.cluster.RateLimitedGarbageCollectAggregateCollectionStates(
			context.Background(), time.Now(), fetcher{exists: step.ControllerExists})
		return r.cluster.StateMapSize(), nil
	case "restart":
		return r.restart()
	case "recommend":
		r.recommender.UpdateVPAs()
		return recommendations(r.cluster.VPAs()[vpaID].GetRecommendation()), nil
	}
	return nil, errors.New("unknown step " + step.Do)
}

func (r *recommenderRun) addPod(step *Step) error {
	pod := model.PodID{Namespace: vpaID.Namespace, PodName: step.Pod}
	r.cluster.AddOrUpdatePod(pod, labels.Set{"app": "a", "hash": step.Labels}, corev1.PodPhase(step.Phase))
	for _, name := range step.Containers {
		id := model.ContainerID{PodID: pod, ContainerName: name}
		if err := r.cluster.AddOrUpdateContainer(id, model.Resources{}); err != nil {
			return err
		}
	}
	return nil
}

// restart saves checkpoints, forgets everything, and loads them as a recommender does when it starts.
func (r *recommenderRun) restart() (any, error) {
	r.writer.StoreCheckpoints(context.Background(), 1)
	saved := r.saved
	if err := r.start(); err != nil {
		return nil, err
	}
	states := map[string]CheckpointState{}
	for name, status := range saved {
		states[name] = CheckpointState{
			First:   instantOf(status.FirstSampleStart),
			Last:    instantOf(status.LastSampleStart),
			Samples: status.TotalSamplesCount,
			CPU:     histogramState(status.CPUHistogram),
			Memory:  histogramState(status.MemoryHistogram),
		}
		state := model.NewAggregateContainerState()
		if err := state.LoadFromCheckpoint(&status); err != nil {
			return nil, err
		}
		r.cluster.VPAs()[vpaID].ContainersInitialAggregateState[name] = state
	}
	for _, pod := range r.pods {
		if err := r.addPod(&pod); err != nil {
			return nil, err
		}
	}
	return states, nil
}

func histogramState(h vpa.HistogramCheckpoint) HistogramState {
	return HistogramState{
		Reference: instantOf(h.ReferenceTimestamp), Total: bits(math.Float64bits(h.TotalWeight)), Buckets: h.BucketWeights,
	}
}

func recommendations(r *vpa.RecommendedPodResources) []Recommendation {
	out := []Recommendation{}
	if r == nil {
		return out
	}
	for _, c := range r.ContainerRecommendations {
		out = append(out, Recommendation{
			Container: c.ContainerName,
			Target:    thousandths(c.Target),
			Lower:     thousandths(c.LowerBound),
			Upper:     thousandths(c.UpperBound),
			Uncapped:  thousandths(c.UncappedTarget),
		})
	}
	return out
}

// statusClient takes status updates and drops them.
type statusClient struct {
	typed.VerticalPodAutoscalerInterface
}

func (c statusClient) VerticalPodAutoscalers(string) typed.VerticalPodAutoscalerInterface { return c }

func (statusClient) Patch(context.Context, string, types.PatchType, []byte, metav1.PatchOptions, ...string) (*vpa.VerticalPodAutoscaler, error) {
	return nil, nil
}

// checkpointClient keeps the status of each container's checkpoint as the API server would store it.
type checkpointClient struct {
	typed.VerticalPodAutoscalerCheckpointInterface
	saved map[string]vpa.VerticalPodAutoscalerCheckpointStatus
}

func (c checkpointClient) VerticalPodAutoscalerCheckpoints(string) typed.VerticalPodAutoscalerCheckpointInterface {
	return c
}

func (c checkpointClient) Patch(_ context.Context, name string, _ types.PatchType, data []byte, _ metav1.PatchOptions, _ ...string) (*vpa.VerticalPodAutoscalerCheckpoint, error) {
	patches := []struct {
		Value vpa.VerticalPodAutoscalerCheckpointStatus `json:"value"`
	}{}
	if err := json.Unmarshal(data, &patches); err != nil {
		return nil, err
	}
	c.saved[strings.TrimPrefix(name, vpaID.VpaName+"-")] = patches[0].Value
	return nil, nil
}

// fetcher finds the target of every VPA, or none.
type fetcher struct{ exists bool }

func (f fetcher) FindTopMostWellKnownOrScalable(_ context.Context, key *controllerfetcher.ControllerKeyWithAPIVersion) (*controllerfetcher.ControllerKeyWithAPIVersion, error) {
	if !f.exists {
		return nil, errors.New("no such controller")
	}
	return &controllerfetcher.ControllerKeyWithAPIVersion{
		ControllerKey: controllerfetcher.ControllerKey{Namespace: key.Namespace, Kind: "Deployment", Name: "target"},
	}, nil
}

// LayoutStory asks where values fall in the two production histograms.
type LayoutStory struct {
	CPU    []float64 `json:"cpu"`
	Memory []float64 `json:"memory"`
}

func answerLayout(story *LayoutStory) []any {
	config := model.NewAggregationsConfig(time.Hour, 1, time.Hour, time.Hour, 1.2, 1)
	find := func(options util.HistogramOptions, values []float64) map[string]any {
		buckets, starts := []int{}, []string{}
		for _, value := range values {
			buckets = append(buckets, options.FindBucket(value))
		}
		for i := range options.NumBuckets() {
			starts = append(starts, bits(math.Float64bits(options.GetBucketStart(i))))
		}
		return map[string]any{"buckets": buckets, "starts": starts}
	}
	return []any{find(config.CPUHistogramOptions, story.CPU), find(config.MemoryHistogramOptions, story.Memory)}
}
