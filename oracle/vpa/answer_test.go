package oracle

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"testing"
	"testing/synctest"

	"k8s.io/autoscaler/vertical-pod-autoscaler/pkg/features"
	"k8s.io/klog/v2"
)

// TestAnswer reads stories from standard input until it ends and writes their answers to standard output. It is a
// test because only a test may open a bubble of virtual time.
func TestAnswer(t *testing.T) {
	silent := flag.NewFlagSet("klog", flag.PanicOnError)
	klog.InitFlags(silent)
	if err := silent.Parse([]string{"-logtostderr=false", "-stderrthreshold=FATAL"}); err != nil {
		t.Fatal(err)
	}
	klog.SetOutput(io.Discard)
	if err := features.MutableFeatureGate.Set("InPlace=true,PerVPAConfig=true"); err != nil {
		t.Fatal(err)
	}
	if err := prepareUpdater(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	for {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		var story Story
		answer := map[string]any{}
		if err := json.Unmarshal(line, &story); err != nil {
			answer["error"] = err.Error()
		} else {
			synctest.Test(t, func(*testing.T) { tell(&story, answer) })
		}
		text, err := json.Marshal(answer)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write(append(text, '\n')); err != nil {
			t.Fatal(err)
		}
		if err := out.Flush(); err != nil {
			t.Fatal(err)
		}
	}
}

// tell answers one story; upstream's own panics become part of the answer.
func tell(story *Story, answer map[string]any) {
	defer func() {
		if cause := recover(); cause != nil {
			answer["panic"] = fmt.Sprint(cause)
		}
	}()
	var steps []any
	var err error
	switch {
	case story.Kind == "recommender" && story.Recommender != nil:
		steps, err = answerRecommender(story.Recommender)
	case story.Kind == "updater" && story.Updater != nil:
		steps, err = answerUpdater(story.Updater)
	case story.Kind == "layout" && story.Layout != nil:
		steps = answerLayout(story.Layout)
	default:
		err = fmt.Errorf("unknown kind %q", story.Kind)
	}
	if err != nil {
		answer["error"] = err.Error()
		return
	}
	answer["steps"] = steps
}
