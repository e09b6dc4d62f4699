//! How the screen of `top` looks.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, BorderType, Cell, Clear, Paragraph, Row, Sparkline, Table};

use super::sample::{NodeSample, OperatorSample, OperatorState, QueueSample};
use super::screen::{Moment, OLD_MS, Order, Panel, Screen};
use crate::output::{moment, span};

const ACCENT: Color = Color::Cyan;
const GOOD: Color = Color::Green;
const WARNING: Color = Color::Yellow;
const BAD: Color = Color::Red;
const FAINT: Color = Color::DarkGray;

/// Cells of the bar that shows how many wait.
const BAR_CELLS: u64 = 12;

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, screen: &Screen) {
    let nodes = screen.latest.as_ref().map_or(1, |latest| latest.cluster.nodes.len());
    let nodes = u16::try_from(nodes.clamp(3, 9)).unwrap_or(9);
    let areas: [Rect; 5] = Layout::vertical([
        Constraint::Length(2),
        Constraint::Length(nodes + 3),
        Constraint::Fill(1),
        Constraint::Fill(1),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    let [title, cluster, queues, operators, foot] = areas;
    draw_title(frame, screen, title);
    let [nodes, traffic]: [Rect; 2] =
        Layout::horizontal([Constraint::Percentage(58), Constraint::Percentage(42)]).areas(cluster);
    draw_nodes(frame, screen, nodes);
    draw_traffic(frame, screen, traffic);
    draw_queues(frame, screen, queues);
    draw_operators(frame, screen, operators);
    draw_foot(frame, screen, foot);
    if screen.help {
        draw_help(frame);
    }
}

/// Figures that are old are grey, whatever they say.
fn figure(screen: &Screen, color: Color) -> Style {
    let is_old = screen.age_ms().is_some_and(|age| age > OLD_MS);
    Style::new().fg(if is_old { FAINT } else { color })
}

fn panel<'a>(title: Line<'a>, is_chosen: bool) -> Block<'a> {
    let border = if is_chosen { Style::new().fg(ACCENT) } else { Style::new().fg(FAINT) };
    Block::bordered().border_type(BorderType::Rounded).border_style(border).title(title)
}

fn strong(text: impl Into<String>) -> Span<'static> {
    Span::styled(text.into(), Style::new().fg(Color::White).add_modifier(Modifier::BOLD))
}

fn faint(text: impl Into<String>) -> Span<'static> {
    Span::styled(text.into(), Style::new().fg(FAINT))
}

fn draw_title(frame: &mut Frame<'_>, screen: &Screen, area: Rect) {
    let mut first = vec![
        Span::styled(" ringmain top ", Style::new().fg(Color::Black).bg(ACCENT).add_modifier(Modifier::BOLD)),
        Span::raw(" "),
    ];
    let mut second = vec![Span::raw(" ")];
    match &screen.latest {
        None => first.push(faint("waiting for the first answer")),
        Some(latest) => {
            let cluster = &latest.cluster;
            first.push(strong(cluster.name.clone()));
            first.push(faint(format!("  asked: node {}  version {}  ", cluster.asked, cluster.version)));
            first.push(match cluster.leader {
                0 => Span::styled("no leader", Style::new().fg(BAD).add_modifier(Modifier::BOLD)),
                leader => Span::styled(format!("leader {leader}"), Style::new().fg(GOOD)),
            });
            first.push(faint(format!("  term {}", cluster.term)));
            second.push(faint(format!("{}  log index {}", moment(latest.at_ms), latest.log_index)));
            if cluster.read_only {
                let since = format!("  READ-ONLY: stale since {}", span(latest.age_ms));
                second.push(Span::styled(since, Style::new().fg(BAD).add_modifier(Modifier::BOLD)));
            }
        }
    }
    if let Some(age) = screen.age_ms().filter(|age| *age > OLD_MS) {
        second.push(Span::styled(format!("  {} old", span(age)), Style::new().fg(WARNING)));
    }
    if let Some(trouble) = &screen.trouble {
        second.push(Span::styled(format!("  {trouble}"), Style::new().fg(BAD)));
    }
    frame.render_widget(Paragraph::new(vec![Line::from(first), Line::from(second)]), area);
}

fn draw_nodes(frame: &mut Frame<'_>, screen: &Screen, area: Rect) {
    let nodes = screen.latest.iter().flat_map(|latest| &latest.cluster.nodes);
    let rows = nodes.map(|node| node_row(screen, node));
    let widths = [
        Constraint::Length(4),
        Constraint::Fill(2),
        Constraint::Fill(3),
        Constraint::Length(10),
        Constraint::Length(7),
        Constraint::Length(10),
    ];
    let table = Table::new(rows, widths)
        .header(head(&["NODE", "REGION", "ADDRESS", "ROLE", "BEHIND", "HEARD"], 4))
        .block(panel(Line::from(vec![Span::raw(" "), strong("nodes"), Span::raw(" ")]), false));
    frame.render_widget(table, area);
}

fn node_row(screen: &Screen, node: &NodeSample) -> Row<'static> {
    let color = match node.role.as_str() {
        "leader" => GOOD,
        "follower" | "learner" => Color::White,
        _ => WARNING,
    };
    let lag = node.lag_entries.map_or_else(|| "–".to_owned(), |lag| lag.to_string());
    let heard = node.last_heard_ms.map_or_else(|| "–".to_owned(), |ms| format!("{} ago", span(ms)));
    let is_late = node.last_heard_ms.is_some_and(|ms| ms > OLD_MS);
    Row::new([
        right(node.node.to_string()),
        left(node.region.clone()),
        left(node.address.clone()),
        left(node.role.clone()).style(figure(screen, color)),
        right(lag),
        right(heard).style(figure(screen, if is_late { BAD } else { Color::White })),
    ])
    .style(figure(screen, Color::White))
}

fn draw_traffic(frame: &mut Frame<'_>, screen: &Screen, area: Rect) {
    let block = panel(Line::from(vec![Span::raw(" "), strong("traffic"), Span::raw(" ")]), false);
    let inside = block.inner(area);
    frame.render_widget(block, area);
    let [figures, entered, waiting]: [Rect; 3] =
        Layout::vertical([Constraint::Length(2), Constraint::Fill(1), Constraint::Fill(1)]).areas(inside);
    let rates = screen.rates();
    let rate =
        |of: fn(super::screen::Rates) -> f64| rates.map_or_else(|| "–".to_owned(), |rates| number(of(rates)));
    let sync =
        rates.and_then(|rates| rates.sync_ms).map_or_else(|| "–".to_owned(), |ms| format!("{ms:.2} ms"));
    let value = |text: String| Span::styled(text, figure(screen, ACCENT).add_modifier(Modifier::BOLD));
    let lines = vec![
        Line::from(vec![
            faint("in "),
            value(rate(|rates| rates.entered)),
            faint("/s  answered "),
            value(rate(|rates| rates.connected)),
            faint("/s  left "),
            value(rate(|rates| rates.abandoned)),
            faint("/s"),
        ]),
        Line::from(vec![
            faint("log "),
            value(rate(|rates| rates.log)),
            faint("/s  syncs "),
            value(rate(|rates| rates.syncs)),
            faint("/s of "),
            value(sync),
        ]),
    ];
    frame.render_widget(Paragraph::new(lines), figures);
    // Tenths, so that a few contacts a second still make a curve.
    curve(
        frame,
        screen,
        entered,
        "in",
        |moment| (moment.rates.entered * 10.0) as u64,
        figure(screen, ACCENT),
    );
    curve(frame, screen, waiting, "waiting", |moment| moment.waiting, figure(screen, WARNING));
}

fn curve(
    frame: &mut Frame<'_>,
    screen: &Screen,
    area: Rect,
    name: &str,
    of: fn(&Moment) -> u64,
    style: Style,
) {
    let [label, curve]: [Rect; 2] =
        Layout::horizontal([Constraint::Length(8), Constraint::Fill(1)]).areas(area);
    frame.render_widget(Paragraph::new(faint(name)), label);
    let cells = usize::from(curve.width);
    let shown: Vec<u64> =
        screen.history.iter().skip(screen.history.len().saturating_sub(cells)).map(of).collect();
    frame.render_widget(Sparkline::default().data(&shown).style(style), curve);
}

fn draw_queues(frame: &mut Frame<'_>, screen: &Screen, area: Rect) {
    let queues = screen.queues();
    let most = queues.iter().map(|queue| queue.waiting).max().unwrap_or(0);
    let rows: Vec<Row<'_>> = queues
        .iter()
        .skip(screen.queues_from)
        .take(usize::from(area.height))
        .map(|queue| queue_row(screen, queue, most))
        .collect();
    let widths = [
        Constraint::Fill(1),
        Constraint::Length(6),
        Constraint::Length(7),
        Constraint::Length(12),
        Constraint::Length(9),
        Constraint::Length(7),
        Constraint::Length(8),
        Constraint::Length(7),
        Constraint::Length(6),
        Constraint::Length(6),
        Constraint::Length(6),
        Constraint::Length(7),
        Constraint::Length(11),
    ];
    let names = [
        "QUEUE",
        "STATE",
        "WAITING",
        "",
        "LONGEST",
        "OFFERED",
        "HANDLING",
        "WRAP-UP",
        "IN/S",
        "ANS/S",
        "LEFT/S",
        "ASA",
        "LEVEL/GOAL",
    ];
    let by = match screen.order {
        Order::Plan => "as in the plan",
        Order::Waiting => "most waiting first",
        Order::Longest => "longest wait first",
        Order::Level => "furthest below its goal first",
    };
    let title = format!("  {} of them, {by} ", queues.len());
    let title = Line::from(vec![Span::raw(" "), strong("queues"), faint(title)]);
    let table =
        Table::new(rows, widths).header(head(&names, 2)).block(panel(title, screen.panel == Panel::Queues));
    frame.render_widget(table, area);
}

fn queue_row(screen: &Screen, queue: &QueueSample, most: u64) -> Row<'static> {
    let dash = || "–".to_owned();
    let rates = screen.queue_rates(queue).map(|rates| rates.map(number));
    let [entered, connected, left_rate] = rates.unwrap_or_else(|| [dash(), dash(), dash()]);
    let level = queue.level_percent.map_or_else(dash, |level| format!("{level} %"));
    let goal = if queue.target_percent > 0 { format!("{level} / {}", queue.target_percent) } else { level };
    let judged = match queue.level_percent {
        None => FAINT,
        Some(level) if level >= u64::from(queue.target_percent) => GOOD,
        Some(level) if level + 10 >= u64::from(queue.target_percent) => WARNING,
        Some(_) => BAD,
    };
    let plain = figure(screen, Color::White);
    let waiting = if queue.waiting > 0 { plain.add_modifier(Modifier::BOLD) } else { figure(screen, FAINT) };
    let cells = (queue.waiting * BAR_CELLS).div_ceil(most.max(1));
    let bar = "█".repeat(usize::try_from(cells).unwrap_or(0));
    Row::new([
        left(queue.name.clone()).style(plain.add_modifier(Modifier::BOLD)),
        left(if queue.open { "open" } else { "closed" }.to_owned())
            .style(figure(screen, if queue.open { GOOD } else { WARNING })),
        right(queue.waiting.to_string()).style(waiting),
        left(bar).style(figure(screen, judged_bar(judged))),
        right(queue.longest_ms.map_or_else(dash, span)),
        right(queue.offered.to_string()),
        right(handling(queue)),
        right(queue.wrap_up.to_string()),
        right(entered),
        right(connected),
        right(left_rate),
        right(queue.mean_wait_ms.map_or_else(dash, short)),
        right(goal).style(figure(screen, judged)),
    ])
    .style(plain)
}

/// Contacts in hand, and how many of them are parked.
fn handling(queue: &QueueSample) -> String {
    match queue.parked {
        0 => queue.handling.to_string(),
        parked => format!("{} ({parked} parked)", queue.handling),
    }
}

/// A queue of which nothing is known yet has a bar in the plain colour.
fn judged_bar(judged: Color) -> Color {
    if judged == FAINT { ACCENT } else { judged }
}

fn draw_operators(frame: &mut Frame<'_>, screen: &Screen, area: Rect) {
    let mut title = vec![Span::raw(" "), strong("operators")];
    for (state, count) in screen.operator_counts().into_iter().filter(|(_, count)| *count > 0) {
        title.push(faint("  "));
        title.push(Span::styled(format!("{count} {}", state.word()), figure(screen, state_color(state))));
    }
    title.push(Span::raw(" "));
    let operators = screen.latest.iter().flat_map(|latest| &latest.operators);
    let rows: Vec<Row<'_>> = operators
        .skip(screen.operators_from)
        .take(usize::from(area.height))
        .map(|operator| operator_row(screen, operator))
        .collect();
    let widths = [
        Constraint::Fill(2),
        Constraint::Length(10),
        Constraint::Length(9),
        Constraint::Fill(2),
        Constraint::Length(5),
        Constraint::Fill(2),
        Constraint::Fill(4),
    ];
    let table = Table::new(rows, widths)
        .header(head(&["LOGIN", "STATE", "USED", "CONTACTS", "NODE", "UNIT", "SKILLS"], 7))
        .block(panel(Line::from(title), screen.panel == Panel::Operators));
    frame.render_widget(table, area);
}

fn operator_row(screen: &Screen, operator: &OperatorSample) -> Row<'static> {
    let node = if operator.node == 0 { "–".to_owned() } else { operator.node.to_string() };
    Row::new([
        left(operator.login.clone()),
        left(operator.state.word().to_owned()).style(figure(screen, state_color(operator.state))),
        left(format!("{}/{}", operator.used, operator.capacity)),
        left(operator.detail.clone()),
        left(node),
        left(operator.unit.clone().unwrap_or_else(|| "–".to_owned())),
        left(operator.skills.clone()).style(figure(screen, FAINT)),
    ])
    .style(figure(screen, Color::White))
}

fn state_color(state: OperatorState) -> Color {
    match state {
        OperatorState::Busy => ACCENT,
        OperatorState::Free => GOOD,
        OperatorState::Missed => BAD,
        OperatorState::NotReady | OperatorState::Grace => WARNING,
        OperatorState::Offline => FAINT,
    }
}

fn draw_foot(frame: &mut Frame<'_>, screen: &Screen, area: Rect) {
    let mut foot = vec![Span::raw(" ")];
    for (key, what) in [
        ("q", "quit"),
        ("Tab", "panel"),
        ("↑↓", "scroll"),
        ("s", "order"),
        ("p", "pause"),
        ("+ -", "faster, slower"),
        ("?", "help"),
    ] {
        foot.push(Span::styled(key, Style::new().fg(ACCENT)));
        foot.push(faint(format!(" {what}   ")));
    }
    foot.push(faint(format!("every {}", span(screen.every_ms))));
    if screen.paused {
        foot.push(Span::styled("  PAUSED", Style::new().fg(WARNING).add_modifier(Modifier::BOLD)));
    }
    frame.render_widget(Paragraph::new(Line::from(foot)), area);
}

const HELP: [&str; 9] = [
    "q, Esc       quit",
    "Tab          choose the list that the arrows move",
    "↑ ↓ PgUp PgDn  move it",
    "s            order of the queues",
    "p            pause: figures stand still and turn grey",
    "+ -          ask more often, less often",
    "grey         older than 2 s",
    "LEVEL        answered in time; the goal is the plan's",
    "?            this help",
];

fn draw_help(frame: &mut Frame<'_>) {
    let whole = frame.area();
    let (width, height) = (56.min(whole.width), 11.min(whole.height));
    let area = Rect::new((whole.width - width) / 2, (whole.height - height) / 2, width, height);
    frame.render_widget(Clear, area);
    let lines: Vec<Line<'_>> = HELP.iter().map(|line| Line::from(format!(" {line}"))).collect();
    let title = Line::from(vec![Span::raw(" "), strong("help"), Span::raw(" ")]);
    frame.render_widget(Paragraph::new(lines).block(panel(title, true)), area);
}

/// The head of a table; from the column `numbers_from` on names stand right, as their numbers do.
fn head(names: &[&'static str], numbers_from: usize) -> Row<'static> {
    let cells: Vec<Cell<'static>> = names
        .iter()
        .enumerate()
        .map(|(i, name)| if i >= numbers_from { right((*name).to_owned()) } else { left((*name).to_owned()) })
        .collect();
    Row::new(cells).style(Style::new().fg(FAINT).add_modifier(Modifier::BOLD))
}

fn left(text: String) -> Cell<'static> {
    Cell::from(text)
}

fn right(text: String) -> Cell<'static> {
    Cell::from(Text::from(Line::from(text).right_aligned()))
}

/// A rate with as many digits as say something.
fn number(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

/// A span in one unit.
fn short(ms: u64) -> String {
    if ms < 1_000 { format!("{ms}ms") } else { format!("{}.{}s", ms / 1_000, ms % 1_000 / 100) }
}
