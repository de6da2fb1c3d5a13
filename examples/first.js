// A first rule: it takes the semaphore "mysem", keeps it for a while, and gives it back.
//
//   cla run examples/first.js
//
// Nobody has to set the semaphore up: the first one who names it creates it, with one slot. Whoever
// asks while the slot is taken waits in line, in the order of asking. The slot is given back when the
// function ends, whether it returns or throws.

var sem = require("cla/sem");
var util = require("cla/util");
var ret = sem.take('mysem', function(){
    util.sleep(0.5); // will lock the semaphore for half a second
});

print("mysem is free again");
