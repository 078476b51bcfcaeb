// Asks for what is shown every two seconds. All text is set as text, never as markup.
'use strict';
const byId = (id) => document.getElementById(id);
let chosen = new URLSearchParams(location.search).get('job');

async function get(path) {
  const reply = await fetch(path);
  if (!reply.ok) throw new Error(path + ': ' + (await reply.text()).trim());
  return reply.json();
}

function fill(table, columns, rows, onClick) {
  table.replaceChildren();
  const head = table.createTHead().insertRow();
  for (const [title] of columns) {
    const cell = document.createElement('th');
    cell.textContent = title;
    head.append(cell);
  }
  const body = table.createTBody();
  for (const row of rows) {
    const line = body.insertRow();
    if (onClick) {
      line.className = 'job';
      line.onclick = () => onClick(row);
    }
    for (const [, value, className] of columns) {
      const cell = line.insertCell();
      const shown = value(row);
      cell.textContent = shown;
      if (typeof shown === 'number') cell.className = 'number';
      if (className) cell.className = className(row);
    }
  }
}

// Steps: the best so far holds until the next point.
function draw(svg, points, width, height) {
  svg.replaceChildren();
  if (points.length === 0) return;
  const lastX = Math.max(...points.map((p) => p[0]), 1);
  const lastY = Math.max(...points.map((p) => p[1])) || 1;
  const x = (value) => (width * value / lastX).toFixed(1);
  const y = (value) => (height - 4 - (height - 8) * value / lastY).toFixed(1);
  let path = '', former = null;
  for (const [trial, value] of points) {
    if (former !== null) path += `${x(trial)},${y(former)} `;
    path += `${x(trial)},${y(value)} `;
    former = value;
  }
  const line = document.createElementNS('http://www.w3.org/2000/svg', 'polyline');
  line.setAttribute('points', path + `${width},${y(former)}`);
  const title = document.createElementNS('http://www.w3.org/2000/svg', 'title');
  title.textContent = `${former} after ${lastX} trials`;
  svg.append(title, line);
}

async function showJob() {
  if (!chosen) return;
  const {job, curves} = await get('/api/job?id=' + encodeURIComponent(chosen));
  byId('detail').hidden = false;
  byId('job').textContent = `${job.job}: ${job.state}`;
  byId('message').textContent = job.message;
  draw(byId('model'), curves.model.map(([trial, s]) => [trial, s * 1e3]), 640, 160);
  const tasks = byId('tasks');
  tasks.replaceChildren();
  for (const task of Object.values(curves.tasks)) {
    const box = document.createElement('div');
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    svg.setAttribute('viewBox', '0 0 320 96');
    draw(svg, task.points, 320, 96);
    const name = document.createElement('code');
    const best = task.points.length ? task.points[task.points.length - 1][1] : 0;
    name.textContent = `${best.toFixed(1)}  ${task.workload}`;
    box.append(svg, name);
    tasks.append(box);
  }
}

async function show() {
  try {
    const [jobs, farm] = await Promise.all([get('/api/jobs'), get('/api/workers')]);
    fill(byId('keys'), [['key', (k) => k.key], ['slots', (k) => k.total], ['free', (k) => k.free],
                        ['waiting trials', (k) => k.pending]], farm.keys);
    fill(byId('workers'), [
      ['worker', (w) => w.worker], ['key', (w) => w.key], ['role', (w) => w.role],
      ['slots', (w) => w.slots],
      ['held', (w) => w.held], ['trials', (w) => w.trials], ['faults', (w) => w.faults],
      ['health', (w) => w.health, (w) => w.health], ['device', (w) => w.device],
      ['target', (w) => w.target], ['reason', (w) => w.reason]], farm.workers);
    fill(byId('jobs'), [
      ['job', (j) => j.job], ['owner', (j) => j.owner], ['key', (j) => j.key],
      ['state', (j) => j.state, (j) => j.state],
      ['trials', (j) => j.budget ? `${j.trials} / ${j.budget}` : `${j.trials}`],
      ['failed', (j) => j.failed],
      ['model ms', (j) => j.model_seconds ? (j.model_seconds * 1e3).toFixed(3) : '-'],
      ['created', (j) => new Date(j.created * 1e3).toISOString().slice(0, 19) + 'Z']],
         jobs.reverse(), (job) => { chosen = job.job; showJob(); });
    await showJob();
    byId('problem').textContent = '';
  } catch (error) {
    byId('problem').textContent = error.message;
  }
}

show();
setInterval(show, 2000);
