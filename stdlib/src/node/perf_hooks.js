// node:perf_hooks: see node.rs.
(native) => {
  "use strict";

  const { leftOut } = native.load("internal/errors");
  return {
    performance: globalThis.performance,
    Performance: globalThis.Performance,
    PerformanceEntry: globalThis.PerformanceEntry,
    PerformanceMark: globalThis.PerformanceMark,
    PerformanceMeasure: globalThis.PerformanceMeasure,
    PerformanceObserver: leftOut("PerformanceObserver", "performance.now() tells the time"),
    monitorEventLoopDelay: leftOut("monitorEventLoopDelay", "performance.now() tells the time"),
    createHistogram: leftOut("createHistogram", "performance.now() tells the time"),
  };
};
