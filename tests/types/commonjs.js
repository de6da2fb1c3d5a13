// The same modules by require(), as in the Clarive document.

var sem = require("cla/sem");
var util = require("cla/util");
var log = require("cla/log");
var process = require("cla/process");
var http = require("cla/http");

var ret = sem.take("mysem", function () {
  util.sleep(10); // will lock the semaphore for 10 seconds
  return "text";
});
ret.toUpperCase();
// @ts-expect-error what was returned is text
ret.toFixed(2);
// @ts-expect-error no function
sem.take("mysem");
// @ts-expect-error no such function
util.nonsense();
log.info("a message", process.pid.toFixed(0));
http.delete("https://example.com/servers/1").status.toFixed(0);
const path = require("cla/path");
path.join("a", "b").toUpperCase();
// @ts-expect-error it takes texts
path.join(1);
const { $, sh } = require("cla/shell");
$`ls`.output.toUpperCase();
sh.quote("it's").toUpperCase();
require("cla/t").ok(true, "it is");
require("cla/time-span").TimeSpan.fromMilliseconds(1);
require("cla/semaphore/memory").MemorySemaphoreAdapter.name.toUpperCase();
// @ts-expect-error no such module
require("cla/nonsense").anything;

module.exports = { ret };
