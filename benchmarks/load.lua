-- Posts each line of a file once, in order: the path, a tab, the body.
-- Arguments: the file, the method, the content type.

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  local file = args[1]
  method = args[2]
  headers = { ["Content-Type"] = args[3] }
  next_line = io.lines(file)
  used_up = 0
  ready = nil
end

function request()
  local line = next_line and next_line()
  if line == nil then
    -- Whoever reads the result sees that this was not what was to be measured.
    next_line = nil
    used_up = used_up + 1
    return ready
  end
  local tab = string.find(line, "\t", 1, true)
  ready = wrk.format(method, string.sub(line, 1, tab - 1), headers, string.sub(line, tab + 1))
  return ready
end

function done(summary, latency, requests)
  local used_up = 0
  for _, thread in ipairs(threads) do
    used_up = used_up + thread:get("used_up")
  end
  local errors = summary.errors
  io.write(string.format(
    "\nRESULT %d %f %d %d %f %f\n",
    summary.requests, summary.duration / 1e6,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3
  ))
  io.write("USED_UP " .. used_up .. "\n")
end
