-- POSTs the bodies of a file in turn, a line each. Prints what came of it as a line of JSON.
--
-- wrk --script rotate.lua URL -- BODIES TOKEN

local requests = {}
local next_request = 0

function init(arguments)
  local headers = {
    ["Content-Type"] = "application/json",
    ["Authorization"] = "Bearer " .. arguments[2],
  }
  for body in io.lines(arguments[1]) do
    requests[#requests + 1] = wrk.format("POST", nil, headers, body)
  end
end

function request()
  next_request = next_request % #requests + 1
  return requests[next_request]
end

function done(summary, latency, _)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  io.write(string.format(
    '{"rate":%.2f,"p50":%.4f,"p99":%.4f,"bytes":%.1f,"failed":%d}\n',
    summary.requests / (summary.duration / 1e6),
    latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3,
    summary.bytes / math.max(summary.requests, 1),
    failed
  ))
end
