package hpa

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	autoscaling "k8s.io/api/autoscaling/v2"
	core "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/component-base/featuregate"
	"k8s.io/klog/v2"
	defaults "k8s.io/kubernetes/pkg/apis/autoscaling/v2"
	"k8s.io/kubernetes/pkg/controller/podautoscaler"
	_ "k8s.io/kubernetes/pkg/features"
)

// TestAnswer is no test: a virtual clock is given to tests only. It answers every line of standard input.
func TestAnswer(t *testing.T) {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	// The handlers that are there sleep on a clock that all stories share, and a story would never end.
	utilruntime.ErrorHandlers = nil
	// It builds on PodLevelResources, which stories switch off, and the HPA controller does not look at it.
	if err := utilfeature.DefaultMutableFeatureGate.Set("InPlacePodLevelResourcesVerticalScaling=false"); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(nil, 1<<28)
	out := bufio.NewWriter(os.Stdout)
	for in.Scan() {
		var story Story
		answer := &Answer{}
		if err := json.Unmarshal(in.Bytes(), &story); err != nil {
			text := err.Error()
			answer.Error = &text
		} else {
			answer = tell(t, &story)
		}
		line, err := json.Marshal(answer)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(out, "%s\n", line)
		out.Flush()
	}
}

// tell runs the controller through a story.
func tell(t *testing.T, story *Story) (answer *Answer) {
	answer = &Answer{}
	for gate, on := range story.Gates {
		if utilfeature.DefaultFeatureGate.Enabled(featuregate.Feature(gate)) == on {
			continue
		}
		if err := utilfeature.DefaultMutableFeatureGate.Set(fmt.Sprintf("%s=%t", gate, on)); err != nil {
			text := err.Error()
			answer.Error = &text
			return answer
		}
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		w := newWorld(story.Replicas)
		mapper := apimeta.NewDefaultRESTMapper([]schema.GroupVersion{{Group: "apps", Version: "v1"}})
		mapper.Add(schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "Deployment"}, apimeta.RESTScopeNamespace)
		pods, hpas := podInformer{w}, hpaInformer{w}
		controller := podautoscaler.NewHorizontalController(ctx, w, w, w, mapper, w, hpas, pods,
			seconds(story.Period), seconds(story.Downscale), story.Tolerance, seconds(story.CPUInit), seconds(story.Readiness))
		go controller.Run(ctx, 1)

		for i := range story.Steps {
			step := &story.Steps[i]
			w.find(step)
			w.syncs, w.events = 0, nil
			if i == 0 {
				// The other HPA is a second ahead, so that it has told its selector when this one is looked at.
				if story.OtherHPA {
					w.put(nil, object("other", other()))
				}
				time.Sleep(time.Second)
				w.put(nil, object("h", step.Spec))
			} else if step.Spec != nil {
				old := w.hpa("h")
				changed := object("h", step.Spec)
				changed.Status = old.Status
				w.put(old, changed)
			}
			// The sync comes at a whole period after the first second; the rest of the step is a quarter past it.
			next := w.at(1.25 + float64(i+1)*story.Period)
			time.Sleep(time.Until(next))
			synctest.Wait()
			answer.Steps = append(answer.Steps, done(w))
		}
		cancel()
		time.Sleep(time.Minute)
		synctest.Wait()
	})
	return answer
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func object(name string, spec *autoscaling.HorizontalPodAutoscalerSpec) *autoscaling.HorizontalPodAutoscaler {
	hpa := &autoscaling.HorizontalPodAutoscaler{ObjectMeta: meta.ObjectMeta{Name: name, Namespace: namespace}, Spec: *spec}
	hpa.Spec.ScaleTargetRef = autoscaling.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: name}
	defaults.SetDefaults_HorizontalPodAutoscaler(hpa)
	return hpa
}

// other is the spec of an HPA whose metric always fails.
func other() *autoscaling.HorizontalPodAutoscalerSpec {
	percent := int32(50)
	return &autoscaling.HorizontalPodAutoscalerSpec{MaxReplicas: 2, Metrics: []autoscaling.MetricSpec{{
		Type: autoscaling.ResourceMetricSourceType,
		Resource: &autoscaling.ResourceMetricSource{
			Name:   core.ResourceName("other"),
			Target: autoscaling.MetricTarget{Type: autoscaling.UtilizationMetricType, AverageUtilization: &percent},
		},
	}}}
}

// done is what the controller has made of the HPA and its target.
func done(w *world) Done {
	status := &w.hpa("h").Status
	d := Done{
		Syncs:    w.syncs,
		Replicas: w.replicas,
		Current:  status.CurrentReplicas,
		Desired:  status.DesiredReplicas,
		Events:   w.events,
	}
	if status.LastScaleTime != nil {
		at := w.since(status.LastScaleTime.Time)
		d.LastScale = &at
	}
	for _, c := range status.Conditions {
		d.Conditions = append(d.Conditions, Condition{string(c.Type), string(c.Status), c.Reason, w.since(c.LastTransitionTime.Time)})
	}
	for _, m := range status.CurrentMetrics {
		d.Metrics = append(d.Metrics, value(m))
	}
	return d
}

// value is a metric's reported value: null, or an object of what is set, in percent and thousandths.
func value(m autoscaling.MetricStatus) json.RawMessage {
	var v *autoscaling.MetricValueStatus
	switch {
	case m.Resource != nil:
		v = &m.Resource.Current
	case m.ContainerResource != nil:
		v = &m.ContainerResource.Current
	case m.Pods != nil:
		v = &m.Pods.Current
	case m.Object != nil:
		v = &m.Object.Current
	case m.External != nil:
		v = &m.External.Current
	default:
		return json.RawMessage("null")
	}
	var parts []string
	if v.AverageUtilization != nil {
		parts = append(parts, fmt.Sprintf(`"percent":%d`, *v.AverageUtilization))
	}
	if v.AverageValue != nil {
		parts = append(parts, fmt.Sprintf(`"average":%d`, v.AverageValue.MilliValue()))
	}
	if v.Value != nil {
		parts = append(parts, fmt.Sprintf(`"value":%d`, v.Value.MilliValue()))
	}
	return json.RawMessage("{" + strings.Join(parts, ",") + "}")
}
