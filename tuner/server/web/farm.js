// Asks for what is shown every two seconds, for what reads many records every ten.
// All text is set as text, never as markup.
'use strict';
const byId = (id) => document.getElementById(id);
const address = new URLSearchParams(location.search);  // ?job=ID&q=WORDS
let chosen = address.get('job');
const kSlow = 10000;  // milliseconds
let shown = '';       // the job whose curves are drawn, as it was listed then
const filled = {};    // table -> [for what, trials there were, when]

async function get(path) {
  const reply = await fetch(path);
  if (!reply.ok) throw new Error(path + ': ' + (await reply.text()).trim());
  return reply.json();
}

// Whether a slow table is to be filled: for something else than it was, or with newer records.
function isDue(table, question, trials) {
  const [former, of, time] = filled[table] || [];
  if (former === question && (of === trials || Date.now() - time < kSlow)) return false;
  filled[table] = [question, trials, Date.now()];
  return true;
}

// The address says what is shown, so that it can be sent to somebody.
function remember(name, value) {
  value ? address.set(name, value) : address.delete(name);
  history.replaceState(null, '', '?' + address);
}

function cellOf(line, shown, column) {
  const cell = line.insertCell();
  if (shown instanceof Node) cell.append(shown);
  else cell.textContent = shown;
  if (typeof shown === 'number' || column.number) cell.className = 'number';
  if (column.long) cell.className = 'long';
}

// columns: {title, value(row), number, long, kind(row) = a class of the cell};
// choose: {act(row), chosen(row)} or nothing.
function fill(table, columns, rows, choose) {
  table.replaceChildren();
  const head = table.createTHead().insertRow();
  for (const column of columns) {
    const cell = document.createElement('th');
    cell.textContent = column.title;
    if (column.number) cell.className = 'number';
    head.append(cell);
  }
  const body = table.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    for (const column of columns) cellOf(line, column.value(row), column);
    columns.forEach((column, i) => column.kind && line.cells[i].classList.add(column.kind(row)));
    if (!choose) continue;
    line.className = choose.chosen && choose.chosen(row) ? 'choice chosen' : 'choice';
    line.tabIndex = 0;
    line.onclick = () => choose.act(row);
    line.onkeydown = (event) => event.key === 'Enter' && choose.act(row);
  }
  if (rows.length > 0) return;
  const line = body.insertRow();
  line.className = 'empty';
  line.insertCell().textContent = 'none';
  line.cells[0].colSpan = columns.length;
}

const svgNode = (name, attributes, text) => {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.textContent = text || '';
  return node;
};
const short = (value) => value.toPrecision(value >= 1000 ? Math.ceil(Math.log10(value)) : 3);

// Steps: the best so far holds until the last trial of the job. The highest and the last value
// are written in, so that a picture of the page says how much was gained.
function draw(svg, points, trials, width, height) {
  svg.replaceChildren();
  if (points.length === 0) return;
  const lastX = Math.max(trials, points[points.length - 1][0], 1);
  const most = Math.max(...points.map((p) => p[1])) || 1;
  const x = (value) => (width * value / lastX).toFixed(1);
  const y = (value) => (height - 4 - (height - 22) * value / most).toFixed(1);
  let path = '', former = null;
  for (const [trial, value] of points) {
    if (former !== null) path += `${x(trial)},${y(former)} `;
    path += `${x(trial)},${y(value)} `;
    former = value;
  }
  svg.append(svgNode('polyline', {points: path + `${width},${y(former)}`}),
             svgNode('text', {x: 4, y: 12}, `from ${short(points[0][1])}`),
             svgNode('text', {x: width - 4, y: 12, 'text-anchor': 'end'},
                     `${short(former)} after ${trials} trials`));
}

const when = (seconds) => new Date(seconds * 1e3).toISOString().slice(0, 19) + 'Z';
const milliseconds = (seconds) => seconds ? (seconds * 1e3).toPrecision(4) : '-';

function showRecord(record) {
  if (!record) return;
  const list = byId('fields');
  list.replaceChildren();
  for (const [name, value] of Object.entries({...record, measured: when(record.unix_time)})) {
    if (name === 'unix_time' || value === '') continue;
    const term = document.createElement('dt'), text = document.createElement('dd');
    term.textContent = name.replace('_', ' ');
    text.textContent = value;
    list.append(term, text);
  }
  byId('record').showModal();
}

async function showLayers(job) {
  if (!isDue('layers', job.job + job.state, job.trials)) return;
  const layers = await get('/api/layers?id=' + encodeURIComponent(job.job));
  const of = (field, otherwise) => (layer) => layer.record ? layer.record[field] : otherwise;
  fill(byId('layers'), [
    {title: 'calls', value: (l) => l.layers, number: true},
    {title: 'workload', value: (l) => l.workload, long: true},
    {title: 'found', value: (l) => l.how},
    {title: 'ms', value: (l) => l.record ? milliseconds(l.record.seconds) : '-', number: true},
    {title: 'template', value: of('template', 'the default')},
    {title: 'worker', value: of('worker', '')}, {title: 'record', value: of('run_id', '')}],
       layers, {act: (layer) => showRecord(layer.record)});
}

function drawTasks(curves, trials) {
  const tasks = byId('tasks');
  tasks.replaceChildren();
  for (const task of Object.values(curves.tasks)) {
    const box = document.createElement('div');
    const svg = svgNode('svg', {viewBox: '0 0 320 96', role: 'img', 'aria-label': 'best GFLOPS'});
    draw(svg, task.points, trials, 320, 96);
    const name = document.createElement('code');
    name.textContent = task.workload;
    box.append(svg, name);
    tasks.append(box);
  }
}

// Asked for again only when something has happened in it; one that is not listed has long ended.
async function showJob(jobs) {
  if (!chosen) return;
  const listed = jobs.find((one) => one.job === chosen);
  const stand = JSON.stringify(listed || chosen);
  if (stand === shown) return listed && showLayers(listed);
  const {job, curves} = await get('/api/job?id=' + encodeURIComponent(chosen));
  shown = stand;
  byId('detail').hidden = false;
  byId('job').textContent = `${job.job}: ${job.state}`;
  byId('message').textContent = job.message;
  draw(byId('model'), curves.model.map(([trial, s]) => [trial, s * 1e3]), job.trials, 640, 160);
  drawTasks(curves, job.trials);
  await showLayers(job);
}

function meterOf(worker) {
  if (worker.slots === 0) return '-';
  const box = document.createElement('span'), meter = document.createElement('meter');
  meter.value = worker.busy;
  box.append(meter, ` ${Math.round(worker.busy * 100)} %`);
  return box;
}

function showWorkers(farm) {
  fill(byId('keys'), [
    {title: 'key', value: (k) => k.key}, {title: 'slots', value: (k) => k.total, number: true},
    {title: 'free', value: (k) => k.free, number: true},
    {title: 'waiting trials', value: (k) => k.pending, number: true}], farm.keys);
  fill(byId('workers'), [
    {title: 'worker', value: (w) => w.worker}, {title: 'key', value: (w) => w.key},
    {title: 'health', value: (w) => w.health, kind: (w) => w.health},
    {title: 'busy, last minute', value: meterOf}, {title: 'role', value: (w) => w.role},
    {title: 'slots', value: (w) => w.slots, number: true},
    {title: 'held', value: (w) => w.held, number: true},
    {title: 'trials', value: (w) => w.trials, number: true},
    {title: 'faults', value: (w) => w.faults, number: true},
    {title: 'seen, s ago', value: (w) => w.seconds_since_seen.toFixed(1), number: true},
    {title: 'device', value: (w) => w.device}, {title: 'target', value: (w) => w.target},
    {title: 'reason', value: (w) => w.reason}], farm.workers);
}

function showJobs(jobs) {
  fill(byId('jobs'), [
    {title: 'job', value: (j) => j.job}, {title: 'owner', value: (j) => j.owner},
    {title: 'key', value: (j) => j.key},
    {title: 'state', value: (j) => j.state, kind: (j) => j.state},
    {title: 'trials', value: (j) => j.budget ? `${j.trials} / ${j.budget}` : `${j.trials}`,
     number: true},
    {title: 'failed', value: (j) => j.failed, number: true},
    {title: 'model ms', value: (j) => milliseconds(j.model_seconds), number: true},
    {title: 'created', value: (j) => when(j.created)}], jobs.reverse(), {
    act: (job) => {
      chosen = job.job;
      remember('job', chosen);
      show();
    },
    chosen: (job) => job.job === chosen});
}

async function showBest(trials) {
  const words = byId('search').value.trim();
  if (!isDue('best', words, trials)) return;
  const {found, best} = await get('/api/best?q=' + encodeURIComponent(words));
  if (words !== byId('search').value.trim()) return;  // a later question has been asked
  byId('found').textContent =
      best.length < found ? `${found} found, the first ${best.length} shown` : `${found} found`;
  fill(byId('best'), [
    {title: 'workload', value: (r) => r.workload, long: true},
    {title: 'ms', value: (r) => milliseconds(r.seconds), number: true},
    {title: 'GFLOPS', value: (r) => r.gflops ? r.gflops.toFixed(1) : '-', number: true},
    {title: 'template', value: (r) => r.template}, {title: 'target', value: (r) => r.target},
    {title: 'config', value: (r) => r.config, long: true}, {title: 'key', value: (r) => r.key},
    {title: 'worker', value: (r) => r.worker}], best, {act: showRecord});
}

const trialsOf = (jobs) => jobs.reduce((sum, job) => sum + job.trials, 0);

async function show() {
  try {
    const [jobs, farm] = await Promise.all([get('/api/jobs'), get('/api/workers')]);
    showWorkers(farm);
    showJobs(jobs);
    await showJob(jobs);
    await showBest(trialsOf(jobs));
    byId('problem').textContent = '';
  } catch (error) {
    byId('problem').textContent = error.message;
  }
}

byId('search').value = address.get('q') || '';
byId('search').oninput = () => {
  remember('q', byId('search').value.trim());
  show();
};
byId('close').onclick = () => byId('record').close();
show();
setInterval(show, 2000);
