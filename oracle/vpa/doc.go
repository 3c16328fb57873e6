// Package oracle answers stories about the vertical pod autoscaler with upstream's own code.
//
// A story is one JSON document on one line of standard input; its answer is one line of standard output. Recommender
// stories run upstream's cluster state, recommender and checkpoint writer; updater stories run upstream's whole
// updater loop against a client that records what it is asked. Time is virtual (testing/synctest), so a story of
// weeks takes microseconds.
//
// Left out: informers, metrics-server, the admission webhook and CPU startup boost.
package oracle
