package oracle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"
	"unsafe"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	listersv1 "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/rest"
	clienttesting "k8s.io/client-go/testing"

	"k8s.io/autoscaler/vertical-pod-autoscaler/pkg/admission-controller/resource/pod/patch"
	"k8s.io/autoscaler/vertical-pod-autoscaler/pkg/admission-controller/resource/pod/recommendation"
	vpa "k8s.io/autoscaler/vertical-pod-autoscaler/pkg/apis/autoscaling.k8s.io/v1"
	clientset "k8s.io/autoscaler/vertical-pod-autoscaler/pkg/client/clientset/versioned"
	vpalisters "k8s.io/autoscaler/vertical-pod-autoscaler/pkg/client/listers/autoscaling.k8s.io/v1"
	"k8s.io/autoscaler/vertical-pod-autoscaler/pkg/updater/inplace"
	"k8s.io/autoscaler/vertical-pod-autoscaler/pkg/updater/logic"
	"k8s.io/autoscaler/vertical-pod-autoscaler/pkg/updater/priority"
	"k8s.io/autoscaler/vertical-pod-autoscaler/pkg/updater/restriction"
	"k8s.io/autoscaler/vertical-pod-autoscaler/pkg/utils/limitrange"
	vpautils "k8s.io/autoscaler/vertical-pod-autoscaler/pkg/utils/vpa"
)

// UpdaterStory is a sequence of situations that one updater meets.
type UpdaterStory struct {
	MinReplicas       int     `json:"min_replicas"`
	Tolerance         float64 `json:"tolerance"`
	SkipBudget        bool    `json:"skip_budget"`
	Threshold         float64 `json:"threshold"`
	LifetimeSecs      int64   `json:"lifetime_secs"`
	EvictAfterOOMSecs int64   `json:"evict_after_oom_secs"`
	Loops             []Loop  `json:"loops"`
}

// Loop is what the updater sees at one instant.
type Loop struct {
	At              int64         `json:"at"`
	Policies        *[]Policy     `json:"policies"`
	Update          *UpdatePolicy `json:"update"`
	Recommendations *[]Wish       `json:"recommendations"`
	LimitRanges     []LimitItem   `json:"limit_ranges"`
	Groups          []Group       `json:"groups"`
	Pods            []Pod         `json:"pods"`
}

// UpdatePolicy is the VPA's update policy.
type UpdatePolicy struct {
	Mode              string        `json:"mode"`
	MinReplicas       *int32        `json:"min_replicas"`
	EvictAfterOOMSecs *int32        `json:"evict_after_oom_secs"`
	Requirements      []Requirement `json:"requirements"`
}

// Requirement is an eviction requirement.
type Requirement struct {
	Resources []string `json:"resources"`
	Higher    bool     `json:"higher"`
}

// Wish is one container's recommendation in the VPA's status.
type Wish struct {
	Container string  `json:"container"`
	Target    Amounts `json:"target"`
	Lower     Amounts `json:"lower"`
	Upper     Amounts `json:"upper"`
}

// LimitItem is an item of the namespace's LimitRange.
type LimitItem struct {
	Type    string  `json:"type"`
	Min     Amounts `json:"min"`
	Max     Amounts `json:"max"`
	Default Amounts `json:"default"`
}

// Group owns pods.
type Group struct {
	Kind     string `json:"kind"`
	Name     string `json:"name"`
	Replicas int32  `json:"replicas"`
}

// Pod is a pod.
type Pod struct {
	Name        string            `json:"name"`
	Group       *int              `json:"group"`
	Phase       string            `json:"phase"`
	Deleting    bool              `json:"deleting"`
	Started     *int64            `json:"started"`
	Observed    *[]string         `json:"observed"`
	Boosted     bool              `json:"boosted"`
	Resize      []ResizeCondition `json:"resize"`
	Containers  []Container       `json:"containers"`
	ResizeFails string            `json:"resize_fails"`
	EvictFails  bool              `json:"evict_fails"`
}

// ResizeCondition is a PodResizePending or PodResizeInProgress condition.
type ResizeCondition struct {
	Type    string `json:"type"`
	Status  bool   `json:"status"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// Container is a container of a pod.
type Container struct {
	Name           string       `json:"name"`
	Requests       Amounts      `json:"requests"`
	Limits         Amounts      `json:"limits"`
	Status         *Allocation  `json:"status"`
	Termination    *Termination `json:"termination"`
	RestartToApply bool         `json:"restart_to_apply"`
}

// Allocation is what the kubelet says a container has.
type Allocation struct {
	Requests Amounts `json:"requests"`
	Limits   Amounts `json:"limits"`
}

// Termination is a container's last end.
type Termination struct {
	Reason   string `json:"reason"`
	Started  int64  `json:"started"`
	Finished int64  `json:"finished"`
}

// Action is one call that the updater made and that succeeded or failed as the story says.
type Action struct {
	Do         string                                  `json:"do"`
	Pod        string                                  `json:"pod"`
	Containers map[string]map[string]map[string]string `json:"containers,omitempty"`
}

// stage is where the recorded calls of the running story go.
type stage struct {
	pods    map[string]*Pod
	actions []Action
}

var (
	current    *stage
	kubeClient = newKubeClient()
	prototype  logic.Updater
)

func newKubeClient() *fake.Clientset {
	client := fake.NewSimpleClientset()
	client.PrependReactor("patch", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		call := action.(clienttesting.PatchAction)
		if call.GetSubresource() != "resize" {
			return true, &corev1.Pod{}, nil
		}
		pod := current.pods[call.GetName()]
		current.actions = append(current.actions, Action{Do: "resize", Pod: pod.Name, Containers: resized(pod, call.GetPatch())})
		switch pod.ResizeFails {
		case "infeasible":
			return true, nil, &apierrors.StatusError{ErrStatus: metav1.Status{
				Reason:  metav1.StatusReasonForbidden,
				Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: "NodeCapacity"}}},
			}}
		case "":
			return true, &corev1.Pod{}, nil
		}
		return true, nil, errors.New(pod.ResizeFails)
	})
	client.PrependReactor("create", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		call := action.(clienttesting.CreateAction)
		if call.GetSubresource() != "eviction" {
			return false, nil, nil
		}
		pod := current.pods[call.GetObject().(*policyv1.Eviction).Name]
		current.actions = append(current.actions, Action{Do: "evict", Pod: pod.Name})
		if pod.EvictFails {
			return true, nil, errors.New("refused")
		}
		return true, nil, nil
	})
	return client
}

// resized reads the amounts out of a JSON patch of the resize subresource.
func resized(pod *Pod, data []byte) map[string]map[string]map[string]string {
	patches := []struct {
		Path  string `json:"path"`
		Value any    `json:"value"`
	}{}
	if err := json.Unmarshal(data, &patches); err != nil {
		panic(err)
	}
	out := map[string]map[string]map[string]string{}
	for _, p := range patches {
		parts := strings.Split(strings.TrimPrefix(p.Path, "/"), "/")
		text, isText := p.Value.(string)
		if len(parts) != 6 || !isText {
			continue
		}
		var index int
		if _, err := fmt.Sscan(parts[2], &index); err != nil {
			panic(err)
		}
		name := pod.Containers[index].Name
		if out[name] == nil {
			out[name] = map[string]map[string]string{"requests": {}, "limits": {}}
		}
		out[name][parts[4]][parts[5]] = milli(resource.MustParse(text))
	}
	return out
}

// emptyAPI answers every list with an empty one and never finishes a watch.
type emptyAPI struct{}

func (emptyAPI) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Query().Get("watch") != "" {
		<-request.Context().Done()
		return nil, request.Context().Err()
	}
	body := `{"kind":"VerticalPodAutoscalerList","apiVersion":"autoscaling.k8s.io/v1","metadata":{"resourceVersion":"1"},"items":[]}`
	return &http.Response{
		StatusCode: http.StatusOK, Request: request,
		Header: http.Header{"Content-Type": []string{"application/json"}},
		Body:   io.NopCloser(strings.NewReader(body)),
	}, nil
}

// prepareUpdater builds the one updater whose type the stories need. It must run outside a bubble: its reflector
// waits for ever.
func prepareUpdater() error {
	if err := os.Setenv("KUBE_FEATURE_WatchListClient", "false"); err != nil {
		return err
	}
	client, err := clientset.NewForConfig(&rest.Config{Host: "http://upstream.test", Transport: emptyAPI{}})
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(kubeClient, 0)
	prototype, err = logic.NewUpdater(kubeClient, client, factory, factory, 2, -1, 1, 0.5, false, false, 0.1,
		12*time.Hour, 10*time.Minute, "", "", time.Minute, nil, nil, nil, nil, nil, "", nil, nil)
	return err
}

func setField(target any, name string, value any) {
	field := reflect.ValueOf(target).Elem().FieldByName(name)
	reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem().Set(reflect.ValueOf(value))
}

func answerUpdater(story *UpdaterStory) ([]any, error) {
	updater := reflect.New(reflect.TypeOf(prototype).Elem())
	updater.Elem().Set(reflect.ValueOf(prototype).Elem())
	u := updater.Interface()
	factory := informers.NewSharedInformerFactory(kubeClient, 0)
	limits, err := limitrange.NewLimitsRangeCalculator(factory)
	if err != nil {
		return nil, err
	}
	processor := vpautils.NewCappingRecommendationProcessor(limits)
	calculators := []patch.Calculator{
		inplace.NewResourceInPlaceUpdatesCalculator(recommendation.NewProvider(limits, vpautils.NewCappingRecommendationProcessor(limits))),
		inplace.NewInPlaceUpdatedCalculator(), inplace.NewUnboostAnnotationCalculator(),
	}
	infeasible := map[types.UID]*vpa.RecommendedPodResources{}
	setField(u, "restrictionFactory", restriction.NewPodsRestrictionFactory(
		kubeClient, factory, story.MinReplicas, story.Tolerance, calculators, story.SkipBudget))
	setField(u, "recommendationProcessor", processor)
	setField(u, "evictionAdmission", priority.NewScalingDirectionPodEvictionAdmission())
	setField(u, "priorityProcessor", priority.NewProcessor())
	setField(u, "selectorFetcher", everything{})
	setField(u, "controllerFetcher", fetcher{exists: true})
	setField(u, "eventRecorder", silence{})
	setField(u, "infeasibleAttempts", infeasible)
	setField(u, "defaultUpdateThreshold", story.Threshold)
	setField(u, "podLifetimeUpdateThreshold", time.Duration(story.LifetimeSecs)*time.Second)
	setField(u, "evictAfterOOMThreshold", time.Duration(story.EvictAfterOOMSecs)*time.Second)

	answers := []any{}
	for i := range story.Loops {
		loop := &story.Loops[i]
		if wait := time.Until(instant(loop.At)); wait > 0 {
			time.Sleep(wait)
		}
		current = &stage{pods: map[string]*Pod{}, actions: []Action{}}
		kubeClient.ClearActions()
		pods := []*corev1.Pod{}
		for j := range loop.Pods {
			current.pods[loop.Pods[j].Name] = &loop.Pods[j]
			pods = append(pods, loop.Pods[j].object(loop.Groups))
		}
		if err := fill(factory, loop); err != nil {
			return nil, err
		}
		setField(u, "vpaLister", vpaList{objects: []*vpa.VerticalPodAutoscaler{loop.object()}})
		setField(u, "podLister", podList{objects: pods})
		u.(logic.Updater).RunOnce(context.Background())
		remembered := []string{}
		for uid := range infeasible {
			remembered = append(remembered, string(uid))
		}
		slices.Sort(remembered)
		answers = append(answers, map[string]any{"actions": current.actions, "infeasible": remembered})
	}
	return answers, nil
}

func fill(factory informers.SharedInformerFactory, loop *Loop) error {
	meta := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: vpaID.Namespace, Name: name} }
	items := []corev1.LimitRangeItem{}
	for _, item := range loop.LimitRanges {
		items = append(items, corev1.LimitRangeItem{
			Type: corev1.LimitType(item.Type), Min: item.Min.list(), Max: item.Max.list(), Default: item.Default.list(),
		})
	}
	ranges := factory.Core().V1().LimitRanges().Informer().GetStore()
	if err := ranges.Add(&corev1.LimitRange{ObjectMeta: meta("limits"), Spec: corev1.LimitRangeSpec{Limits: items}}); err != nil {
		return err
	}
	for _, group := range loop.Groups {
		var err error
		replicas := group.Replicas
		switch group.Kind {
		case "ReplicaSet":
			err = factory.Apps().V1().ReplicaSets().Informer().GetStore().Add(
				&appsv1.ReplicaSet{ObjectMeta: meta(group.Name), Spec: appsv1.ReplicaSetSpec{Replicas: &replicas}})
		case "StatefulSet":
			err = factory.Apps().V1().StatefulSets().Informer().GetStore().Add(
				&appsv1.StatefulSet{ObjectMeta: meta(group.Name), Spec: appsv1.StatefulSetSpec{Replicas: &replicas}})
		case "ReplicationController":
			err = factory.Core().V1().ReplicationControllers().Informer().GetStore().Add(
				&corev1.ReplicationController{ObjectMeta: meta(group.Name), Spec: corev1.ReplicationControllerSpec{Replicas: &replicas}})
		case "DaemonSet":
			err = factory.Apps().V1().DaemonSets().Informer().GetStore().Add(
				&appsv1.DaemonSet{ObjectMeta: meta(group.Name), Status: appsv1.DaemonSetStatus{DesiredNumberScheduled: replicas}})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *Loop) object() *vpa.VerticalPodAutoscaler {
	object := &vpa.VerticalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Namespace: vpaID.Namespace, Name: vpaID.VpaName},
		Spec: vpa.VerticalPodAutoscalerSpec{
			TargetRef:      &autoscalingv1.CrossVersionObjectReference{Kind: "Deployment", Name: "target"},
			ResourcePolicy: resourcePolicy(l.Policies),
		},
	}
	if l.Update != nil {
		mode := vpa.UpdateMode(l.Update.Mode)
		object.Spec.UpdatePolicy = &vpa.PodUpdatePolicy{
			UpdateMode: &mode, MinReplicas: l.Update.MinReplicas, EvictAfterOOMSeconds: l.Update.EvictAfterOOMSecs,
		}
		for _, r := range l.Update.Requirements {
			change := vpa.TargetLowerThanRequests
			if r.Higher {
				change = vpa.TargetHigherThanRequests
			}
			item := &vpa.EvictionRequirement{ChangeRequirement: change}
			for _, name := range r.Resources {
				item.Resources = append(item.Resources, corev1.ResourceName(name))
			}
			object.Spec.UpdatePolicy.EvictionRequirements = append(object.Spec.UpdatePolicy.EvictionRequirements, item)
		}
	}
	if l.Recommendations != nil {
		object.Status.Recommendation = &vpa.RecommendedPodResources{}
		for _, w := range *l.Recommendations {
			object.Status.Recommendation.ContainerRecommendations = append(
				object.Status.Recommendation.ContainerRecommendations, vpa.RecommendedContainerResources{
					ContainerName: w.Container, Target: w.Target.list(), LowerBound: w.Lower.list(), UpperBound: w.Upper.list(),
				})
		}
	}
	return object
}

func (p *Pod) object(groups []Group) *corev1.Pod {
	yes := true
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: vpaID.Namespace, Name: p.Name, UID: types.UID(p.Name), Annotations: map[string]string{},
	}}
	if p.Group != nil {
		group := groups[*p.Group]
		pod.OwnerReferences = []metav1.OwnerReference{{Kind: group.Kind, Name: group.Name, Controller: &yes}}
	}
	if p.Deleting {
		now := metav1.Now()
		pod.DeletionTimestamp = &now
	}
	if p.Observed != nil {
		pod.Annotations["vpaObservedContainers"] = strings.Join(*p.Observed, ", ")
	}
	if p.Boosted {
		pod.Annotations["vpaCpuStartupBoost/other"] = "{}"
	}
	pod.Status.Phase = corev1.PodPhase(p.Phase)
	if p.Started != nil {
		started := metav1.NewTime(instant(*p.Started))
		pod.Status.StartTime = &started
	}
	for _, r := range p.Resize {
		status := corev1.ConditionFalse
		if r.Status {
			status = corev1.ConditionTrue
		}
		pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{
			Type: corev1.PodConditionType(r.Type), Status: status, Reason: r.Reason, Message: r.Message,
		})
	}
	for _, c := range p.Containers {
		container := corev1.Container{Name: c.Name, Resources: corev1.ResourceRequirements{
			Requests: c.Requests.list(), Limits: c.Limits.list(),
		}}
		if c.RestartToApply {
			container.ResizePolicy = []corev1.ContainerResizePolicy{
				{ResourceName: corev1.ResourceMemory, RestartPolicy: corev1.RestartContainer},
			}
		}
		pod.Spec.Containers = append(pod.Spec.Containers, container)
		status := corev1.ContainerStatus{Name: c.Name}
		if c.Status != nil {
			status.Resources = &corev1.ResourceRequirements{Requests: c.Status.Requests.list(), Limits: c.Status.Limits.list()}
		}
		if t := c.Termination; t != nil {
			status.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{
				Reason: t.Reason, StartedAt: metav1.NewTime(instant(t.Started)), FinishedAt: metav1.NewTime(instant(t.Finished)),
			}
		}
		pod.Status.ContainerStatuses = append(pod.Status.ContainerStatuses, status)
	}
	return pod
}

type vpaList struct {
	vpalisters.VerticalPodAutoscalerLister
	objects []*vpa.VerticalPodAutoscaler
}

func (l vpaList) List(labels.Selector) ([]*vpa.VerticalPodAutoscaler, error) { return l.objects, nil }

type podList struct {
	listersv1.PodLister
	objects []*corev1.Pod
}

func (l podList) List(labels.Selector) ([]*corev1.Pod, error) { return l.objects, nil }

// everything is the selector of the VPA's target.
type everything struct{}

func (everything) Fetch(context.Context, *vpa.VerticalPodAutoscaler) (labels.Selector, error) {
	return labels.Everything(), nil
}

// silence records no events.
type silence struct{}

func (silence) Event(runtime.Object, string, string, string)                                      {}
func (silence) Eventf(runtime.Object, string, string, string, ...any)                             {}
func (silence) AnnotatedEventf(runtime.Object, map[string]string, string, string, string, ...any) {}
