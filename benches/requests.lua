-- The load: requests for random existing enrollments, or requests that create one enrollment each.
-- Environment: KEY, MODE (repeat|create), ENROLLMENTS, RUN (a label that is unique on this database), and RATE, the number
-- of requests per second and thread in an even stream. Without RATE, every connection sends the next request as soon as it
-- has its answer.

local mode, enrollments = os.getenv("MODE"), tonumber(os.getenv("ENROLLMENTS"))
local headers = {
  ["Authorization"] = "Bearer " .. os.getenv("KEY"),
  ["Content-Type"] = "application/json",
}
local threads = 0

function setup(thread)
  thread:set("number", threads)
  threads = threads + 1
end

function init()
  math.randomseed(number + 1)
  made = 0
  prefix = os.getenv("RUN") .. "-" .. number .. "-"
end

if os.getenv("RATE") then
  local ffi = require("ffi")
  ffi.cdef("typedef struct { long s, ns; } moment; int clock_gettime(int, moment *);")
  local moment, monotonic, interval = ffi.new("moment"), 1, 1000 / tonumber(os.getenv("RATE"))
  local due

  -- Returns the milliseconds until the next request of the thread is due. wrk measures the latency from the sending.
  function delay()
    ffi.C.clock_gettime(monotonic, moment)
    local now = tonumber(moment.s) * 1000 + tonumber(moment.ns) / 1e6
    due = math.max((due or now) + interval, now - 1000)
    return math.max(0, math.floor(due - now + 0.5))
  end
end

function request()
  local name
  if mode == "repeat" then
    name = tostring(math.random(enrollments))
  else
    made = made + 1
    name = prefix .. made
  end
  local body = '{"tenantId":"t' .. name .. '","partner":{"email":"u' .. name .. '@example.com"}}'
  return wrk.format("POST", "/tokens/embed/referrals", headers, body)
end

-- Prints one line for benches/run: requests per second, latencies in microseconds, errors and answers of 400 or more.
function done(summary, latency)
  local e = summary.errors
  local wrong = e.connect + e.read + e.write + e.timeout + e.status
  io.write(string.format("RESULT %.0f %.0f %.0f %d\n", summary.requests / (summary.duration / 1e6),
    latency:percentile(50), latency:percentile(99), wrong))
end
