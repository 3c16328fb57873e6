package hpa

import (
	"context"
	"errors"
	"time"

	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	autoscalinginformers "k8s.io/client-go/informers/autoscaling/v2"
	coreinformers "k8s.io/client-go/informers/core/v1"
	autoscalingclient "k8s.io/client-go/kubernetes/typed/autoscaling/v2"
	coreclient "k8s.io/client-go/kubernetes/typed/core/v1"
	autoscalinglisters "k8s.io/client-go/listers/autoscaling/v2"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/scale"
	"k8s.io/client-go/tools/cache"
	"k8s.io/kubernetes/pkg/controller/podautoscaler/metrics"
)

const namespace = "n"

var errStory = errors.New("the story says so")

// world is everything around the controller: an API that keeps one HPA and its target, and metrics.
type world struct {
	began    time.Time
	step     *Step
	replicas int32
	syncs    int
	events   []string

	hpas    cache.Indexer
	pods    cache.Indexer
	handler cache.ResourceEventHandler
}

func newWorld(replicas int32) *world {
	index := cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc}
	return &world{
		began:    time.Now(),
		replicas: replicas,
		hpas:     cache.NewIndexer(cache.MetaNamespaceKeyFunc, index),
		pods:     cache.NewIndexer(cache.MetaNamespaceKeyFunc, index),
	}
}

func (w *world) at(seconds float64) time.Time {
	return w.began.Add(time.Duration(seconds * float64(time.Second)))
}

func (w *world) since(t time.Time) float64 {
	return t.Sub(w.began).Seconds()
}

// find makes what `step` tells the state of the world.
func (w *world) find(step *Step) {
	w.step = step
	if step.Replicas != nil {
		w.replicas = *step.Replicas
	}
	pods := make([]any, 0, len(step.Pods))
	for i := range step.Pods {
		pods = append(pods, w.pod(&step.Pods[i]))
	}
	// Replace never fails on an indexer.
	_ = w.pods.Replace(pods, "")
}

func (w *world) pod(p *Pod) *core.Pod {
	pod := &core.Pod{
		ObjectMeta: meta.ObjectMeta{Name: p.Name, Namespace: namespace, Labels: map[string]string{"app": "d"}},
		Status:     core.PodStatus{Phase: core.PodPhase(p.Phase)},
	}
	if p.Deleting {
		now := meta.Now()
		pod.DeletionTimestamp = &now
	}
	if p.Started != nil {
		started := meta.NewTime(w.at(*p.Started))
		pod.Status.StartTime = &started
	}
	if p.Ready != nil {
		pod.Status.Conditions = []core.PodCondition{{
			Type:               core.PodReady,
			Status:             core.ConditionStatus(p.Ready.Status),
			LastTransitionTime: meta.NewTime(w.at(p.Ready.Since)),
		}}
	}
	for _, c := range p.Containers {
		pod.Spec.Containers = append(pod.Spec.Containers, container(c))
	}
	for _, c := range p.Init {
		init := container(c)
		if c.Restartable {
			always := core.ContainerRestartPolicyAlways
			init.RestartPolicy = &always
		}
		pod.Spec.InitContainers = append(pod.Spec.InitContainers, init)
	}
	if p.PodLevel != nil {
		pod.Spec.Resources = &core.ResourceRequirements{Requests: amounts(*p.PodLevel)}
	}
	return pod
}

func container(c Container) core.Container {
	return core.Container{Name: c.Name, Resources: core.ResourceRequirements{Requests: amounts(c.Requests)}}
}

func amounts(a Amounts) core.ResourceList {
	list := core.ResourceList{}
	if a.CPU != nil {
		list[core.ResourceCPU] = *resource.NewMilliQuantity(*a.CPU, resource.DecimalSI)
	}
	if a.Memory != nil {
		list[core.ResourceMemory] = *resource.NewQuantity(*a.Memory, resource.BinarySI)
	}
	return list
}

// The metrics APIs. A reading is found by the metric's name, or by resource and container.

func (w *world) samples(key string) (metrics.PodMetricsInfo, time.Time, error) {
	reading, found := w.step.Readings[key]
	if !found || reading.Fails {
		return nil, time.Time{}, errStory
	}
	info := make(metrics.PodMetricsInfo, len(reading.Samples))
	for _, s := range reading.Samples {
		window := time.Duration(s.Window * float64(time.Second))
		info[s.Pod] = metrics.PodMetric{Timestamp: w.at(s.At), Window: window, Value: s.Value}
	}
	return info, time.Now(), nil
}

func (w *world) GetResourceMetric(_ context.Context, name core.ResourceName, _ string, _ labels.Selector, container string) (metrics.PodMetricsInfo, time.Time, error) {
	return w.samples(string(name) + "/" + container)
}

func (w *world) GetRawMetric(name string, _ string, _, _ labels.Selector) (metrics.PodMetricsInfo, time.Time, error) {
	return w.samples(name)
}

func (w *world) GetObjectMetric(name string, _ string, _ *autoscaling.CrossVersionObjectReference, _ labels.Selector) (int64, time.Time, error) {
	reading, found := w.step.Readings[name]
	if !found || reading.Fails {
		return 0, time.Time{}, errStory
	}
	return reading.Value, time.Now(), nil
}

func (w *world) GetExternalMetric(name, _ string, _ labels.Selector) ([]int64, time.Time, error) {
	reading, found := w.step.Readings[name]
	if !found || reading.Fails {
		return nil, time.Time{}, errStory
	}
	return reading.Series, time.Now(), nil
}

// The scale subresource, of the target and of the other HPA's target.

type scales struct {
	scale.ScaleInterface
	w *world
}

func (w *world) Scales(string) scale.ScaleInterface { return scales{w: w} }

func (s scales) Get(_ context.Context, _ schema.GroupResource, name string, _ meta.GetOptions) (*autoscalingv1.Scale, error) {
	w := s.w
	object := meta.ObjectMeta{Name: name, Namespace: namespace}
	if name == "other" {
		selector := "app=other"
		if w.step.Selector == "ambiguous" {
			selector = "app=d"
		}
		return &autoscalingv1.Scale{ObjectMeta: object, Spec: autoscalingv1.ScaleSpec{Replicas: 1}, Status: autoscalingv1.ScaleStatus{Replicas: 1, Selector: selector}}, nil
	}
	w.syncs++
	if w.step.GetFails {
		return nil, errStory
	}
	selector := "app=d"
	switch w.step.Selector {
	case "missing":
		selector = ""
	case "invalid":
		selector = "cheddar cheese"
	}
	return &autoscalingv1.Scale{
		ObjectMeta: object,
		Spec:       autoscalingv1.ScaleSpec{Replicas: w.replicas},
		Status:     autoscalingv1.ScaleStatus{Replicas: w.step.StatusReplicas, Selector: selector},
	}, nil
}

func (s scales) Update(_ context.Context, _ schema.GroupResource, scale *autoscalingv1.Scale, _ meta.UpdateOptions) (*autoscalingv1.Scale, error) {
	if s.w.step.UpdateFails {
		// The controller reads the scale once more after a failure; that is no sync.
		s.w.syncs--
		return nil, errStory
	}
	s.w.replicas = scale.Spec.Replicas
	return scale, nil
}

// The HPA objects. A status that the controller writes replaces the status alone, as in the API server.

type hpaClient struct {
	autoscalingclient.HorizontalPodAutoscalerInterface
	w *world
}

func (w *world) HorizontalPodAutoscalers(string) autoscalingclient.HorizontalPodAutoscalerInterface {
	return hpaClient{w: w}
}

func (c hpaClient) UpdateStatus(_ context.Context, hpa *autoscaling.HorizontalPodAutoscaler, _ meta.UpdateOptions) (*autoscaling.HorizontalPodAutoscaler, error) {
	old := c.w.hpa(hpa.Name)
	changed := old.DeepCopy()
	changed.Status = *hpa.Status.DeepCopy()
	c.w.put(old, changed)
	return changed, nil
}

func (w *world) hpa(name string) *autoscaling.HorizontalPodAutoscaler {
	object, found, err := w.hpas.GetByKey(namespace + "/" + name)
	if err != nil || !found {
		return nil
	}
	return object.(*autoscaling.HorizontalPodAutoscaler)
}

// put stores an HPA and tells the controller, as an informer would.
func (w *world) put(old, hpa *autoscaling.HorizontalPodAutoscaler) {
	// Update never fails on an indexer.
	_ = w.hpas.Update(hpa)
	if old == nil {
		w.handler.OnAdd(hpa, false)
	} else {
		w.handler.OnUpdate(old, hpa)
	}
}

type informer struct {
	cache.SharedIndexInformer
	w *world
}

func (i informer) HasSynced() bool { return true }

func (i informer) AddEventHandlerWithResyncPeriod(handler cache.ResourceEventHandler, _ time.Duration) (cache.ResourceEventHandlerRegistration, error) {
	i.w.handler = handler
	return nil, nil
}

type hpaInformer struct{ w *world }

var _ autoscalinginformers.HorizontalPodAutoscalerInformer = hpaInformer{}

func (i hpaInformer) Informer() cache.SharedIndexInformer { return informer{w: i.w} }
func (i hpaInformer) Lister() autoscalinglisters.HorizontalPodAutoscalerLister {
	return autoscalinglisters.NewHorizontalPodAutoscalerLister(i.w.hpas)
}

type podInformer struct{ w *world }

var _ coreinformers.PodInformer = podInformer{}

func (i podInformer) Informer() cache.SharedIndexInformer { return informer{w: i.w} }
func (i podInformer) Lister() corelisters.PodLister       { return corelisters.NewPodLister(i.w.pods) }

// Events, of which the reasons are kept.

type events struct {
	coreclient.EventInterface
	w *world
}

func (w *world) Events(string) coreclient.EventInterface { return events{w: w} }

func (e events) keep(event *core.Event) (*core.Event, error) {
	if event.InvolvedObject.Name == "h" {
		e.w.events = append(e.w.events, event.Reason)
	}
	return event, nil
}

func (e events) CreateWithEventNamespace(event *core.Event) (*core.Event, error) {
	return e.keep(event)
}
func (e events) UpdateWithEventNamespace(event *core.Event) (*core.Event, error) {
	return e.keep(event)
}
func (e events) PatchWithEventNamespace(event *core.Event, _ []byte) (*core.Event, error) {
	return e.keep(event)
}
func (e events) CreateWithEventNamespaceWithContext(_ context.Context, event *core.Event) (*core.Event, error) {
	return e.keep(event)
}
func (e events) UpdateWithEventNamespaceWithContext(_ context.Context, event *core.Event) (*core.Event, error) {
	return e.keep(event)
}
func (e events) PatchWithEventNamespaceWithContext(_ context.Context, event *core.Event, _ []byte) (*core.Event, error) {
	return e.keep(event)
}
