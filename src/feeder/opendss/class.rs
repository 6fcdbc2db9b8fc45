//! The classes and properties of OpenDSS 0.14.5, in the order that positional values and abbreviations follow.
//!
//! Each property is written with the model's key that it becomes (`script=key`), where there is one.

use std::sync::LazyLock;

/// A class this reader turns into model values, or `Other`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    LineCode,
    Wire,
    ConcentricCable,
    TapeCable,
    Spacing,
    Geometry,
    TransformerCode,
    Line,
    Source,
    Load,
    Transformer,
    Regulator,
    Capacitor,
    Reactor,
    CapacitorControl,
    Fault,
    Generator,
    Storage,
    PvSystem,
    Switch,
    Shape,
    Curve,
    Spectrum,
    CurrentSource,
    Other(Role),
}

/// What becomes of a class without a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It has no part in a power flow and nobody will miss it.
    Silent,
    /// It measures; a scenario has its own instruments.
    Meter,
    /// It protects; nothing trips in a power flow.
    Protection,
    /// The result depends on it.
    Unsupported,
}

/// One class.
#[derive(Debug)]
pub struct ClassInfo {
    pub class: Class,
    /// In lower case.
    pub name: &'static str,
    /// Names in lower case and the model's keys (empty without one).
    pub properties: Vec<(&'static str, &'static str)>,
}

impl ClassInfo {
    /// The property of this name or abbreviation: the full name first, else the first that begins so.
    pub fn property(&self, name: &str) -> Option<usize> {
        let full = self.properties.iter().position(|(p, _)| p.eq_ignore_ascii_case(name));
        full.or_else(|| {
            let n = name.len();
            self.properties.iter().position(|(p, _)| p.get(..n).is_some_and(|p| p.eq_ignore_ascii_case(name)))
        })
    }
}

/// The class of this name, in any case.
pub fn find(name: &str) -> Option<&'static ClassInfo> {
    CLASSES.iter().find(|c| c.name.eq_ignore_ascii_case(name))
}

/// The entry of a class with a model.
pub fn info(class: Class) -> &'static ClassInfo {
    // The first entry stands in for a class without one; every class has one, by the test below.
    CLASSES.iter().find(|c| c.class == class).unwrap_or(&CLASSES[0])
}

/// All class names.
pub fn names() -> impl Iterator<Item = &'static str> {
    CLASSES.iter().map(|c| c.name)
}

static CLASSES: LazyLock<Vec<ClassInfo>> = LazyLock::new(|| {
    let split = |word: &'static str| word.split_once('=').unwrap_or((word, ""));
    let entry = |(class, name, properties): &(Class, &'static str, &'static str)| ClassInfo {
        class: *class,
        name,
        properties: properties.split_whitespace().map(split).collect(),
    };
    TABLE.iter().map(entry).collect()
});

use Class::Other;
use Role::{Meter, Protection, Silent, Unsupported};

const TABLE: &[(Class, &str, &str)] = &[
    (
        Class::Line,
        "line",
        "bus1=from bus2=to linecode=code length=length phases=phases r1=total x1=total r0=total x0=total c1=total \
         c0=total rmatrix=total xmatrix=total cmatrix=total switch=switch rg=earth_return xg=earth_return rho=earth_ohm_m geometry=geometry \
         units=length spacing=geometry wires=geometry earthmodel cncables=geometry tscables=geometry b1=total b0=total \
         seasons ratings linetype normamps=normal_a emergamps=emergency_a faultrate pctperm repair basefreq enabled like",
    ),
    (
        Class::Load,
        "load",
        "phases=phases bus1=bus kv=v_kv kw=p_kw pf=q_kvar model=model yearly=yearly daily=daily duty=duty growth \
         conn=connection kvar=q_kvar rneut=neutral_r_ohm xneut=neutral_x_ohm status=status class vminpu=v_min_pu \
         vmaxpu=v_max_pu vminnorm vminemerg xfkva=p_kw allocationfactor=p_kw kva=p_kw %mean %stddev cvrwatts=cvr_watts \
         cvrvars=cvr_vars kwh=p_kw kwhdays=p_kw cfactor=p_kw cvrcurve numcust zipv=zip %seriesrl=series_rl_percent relweight \
         vlowpu=v_low_pu puxharm=harmonic_x_pu xrharm=harmonic_x_over_r spectrum=spectrum \
         basefreq enabled like",
    ),
    (
        Class::Transformer,
        "transformer",
        "phases=phases windings=windings wdg bus=windings conn=windings kv=windings kva=windings tap=windings \
         %r=windings rneut=windings xneut=windings buses=windings conns=windings kvs=windings kvas=windings \
         taps=windings xhl=x_percent xht=x_percent xlt=x_percent xscarray=x_percent thermal n m flrise hsrise \
         %loadloss=windings %noloadloss=no_load_loss_percent normhkva=normal_kva emerghkva=emergency_kva sub \
         maxtap=windings mintap=windings numtaps=windings subname %imag=magnetizing_percent \
         ppm_antifloat=anti_float_ppm %rs=windings bank=bank xfmrcode xrconst=constant_x_over_r x12=x_percent x13=x_percent \
         x23=x_percent leadlag=phase_shift wdgcurrents core rdcohms seasons ratings normamps emergamps faultrate \
         pctperm repair basefreq enabled like",
    ),
    (
        Class::LineCode,
        "linecode",
        "nphases=phases r1=impedance x1=impedance r0=impedance x0=impedance c1=impedance c0=impedance units=per \
         rmatrix=impedance xmatrix=impedance cmatrix=impedance basefreq normamps=normal_a emergamps=emergency_a \
         faultrate pctperm repair kron rg=earth_return xg=earth_return rho=earth_return neutral b1=impedance b0=impedance seasons ratings linetype like",
    ),
    (
        Class::TransformerCode,
        "xfmrcode",
        "phases windings wdg conn kv kva tap %r rneut xneut conns kvs kvas taps xhl xht xlt xscarray thermal n m flrise \
         hsrise %loadloss %noloadloss normhkva emerghkva maxtap mintap numtaps %imag ppm_antifloat %rs x12 x13 x23 \
         rdcohms seasons ratings like",
    ),
    (
        Class::Wire,
        "wiredata",
        "rdc=r_dc_ohm_per_km rac=r_ac_ohm_per_km runits gmrac=gmr_mm gmrunits radius=radius_mm radunits \
         normamps=normal_a emergamps=emergency_a diam=radius_mm seasons ratings capradius=capacitance_radius_mm like",
    ),
    (
        Class::ConcentricCable,
        "cndata",
        "k=strands diastrand=strands gmrstrand=strands rstrand=strands epsr=permittivity inslayer=insulation_mm \
         diains=insulation_diameter_mm diacable=cable_diameter_mm rdc=conductor rac=conductor runits gmrac=conductor \
         gmrunits radius=conductor radunits normamps=conductor emergamps=conductor diam=conductor seasons ratings \
         capradius=conductor like",
    ),
    (
        Class::TapeCable,
        "tsdata",
        "diashield=tape tapelayer=tape tapelap=tape epsr=permittivity inslayer=insulation_mm \
         diains=insulation_diameter_mm diacable=cable_diameter_mm rdc=conductor rac=conductor runits gmrac=conductor \
         gmrunits radius=conductor radunits normamps=conductor emergamps=conductor diam=conductor seasons ratings \
         capradius=conductor like",
    ),
    (Class::Spacing, "linespacing", "nconds=conductors nphases=phases x=conductors h=conductors units like"),
    (
        Class::Geometry,
        "linegeometry",
        "nconds=conductors nphases=phases cond wire=conductors x=conductors h=conductors units normamps emergamps \
         reduce=reduce spacing=conductors wires=conductors cncable=conductors tscable=conductors cncables=conductors \
         tscables=conductors seasons ratings linetype like",
    ),
    (
        Class::Source,
        "vsource",
        "bus1=bus basekv=v_kv pu=v_pu angle=angle_deg frequency phases=phases mvasc3=mvasc3 mvasc1=mvasc1 \
         x1r1=x1_over_r1 x0r0=x0_over_r0 isc3=isc3_a isc1=isc1_a r1=r1_ohm x1=x1_ohm r0=r0_ohm x0=x0_ohm \
         scantype=harmonic_sequence sequence bus2=return_bus z1=r1_ohm z0=r0_ohm z2=r2_ohm puz1=r1_ohm puz0=r0_ohm puz2=r2_ohm basemva yearly \
         daily duty model puzideal spectrum=spectrum basefreq enabled like",
    ),
    (
        Class::Regulator,
        "regcontrol",
        "transformer=transformer winding=winding vreg=v_v band=band_v ptratio=pt_ratio ctprim=ct_primary_a r=ldc_r_v \
         x=ldc_x_v bus=remote_bus delay=delay_s reversible revvreg revband revr revx tapdelay=tap_delay_s debugtrace \
         maxtapchange=max_tap_change inversetime=inverse_time tapwinding=tap_winding vlimit=v_limit_v ptphase=phase \
         revthreshold revdelay revneutral eventlog remoteptratio=remote_pt_ratio tapnum reset ldc_z rev_z cogen \
         basefreq enabled like",
    ),
    (
        Class::Capacitor,
        "capacitor",
        "bus1=bus bus2=to phases=phases kvar=q_kvar kv=v_kv conn=connection cmatrix cuf=q_kvar r=r_ohm xl=x_ohm \
         harm=x_ohm numsteps=q_kvar states=closed normamps emergamps faultrate pctperm repair basefreq enabled like",
    ),
    (
        Class::CapacitorControl,
        "capcontrol",
        "element=element terminal=terminal capacitor=capacitor type=signal ptratio=pt_ratio ctratio=ct_ratio \
         onsetting=on offsetting=off delay=delay_s voltoverride=voltage_override vmax=v_max_v vmin=v_min_v \
         delayoff=delay_off_s deadtime=dead_time_s ctphase=ct_phase ptphase=pt_phase vbus=override_bus eventlog \
         usermodel userdata pctminkvar reset controlsignal basefreq enabled like",
    ),
    (
        Class::Reactor,
        "reactor",
        "bus1=bus bus2=to phases=phases kvar=q_kvar kv=v_kv conn=connection rmatrix=r_matrix_ohm xmatrix=x_matrix_ohm \
         parallel=parallel r=r_ohm x=x_ohm rp=parallel_ohm z1=z1_ohm z2=z2_ohm z0=z0_ohm z=x_ohm rcurve lcurve \
         lmh=x_ohm normamps=normal_a emergamps=emergency_a faultrate pctperm repair basefreq enabled like",
    ),
    (
        Class::Fault,
        "fault",
        "bus1=bus bus2=to phases=phases r=r_ohm %stddev gmatrix ontime temporary minamps normamps emergamps faultrate \
         pctperm repair basefreq enabled like",
    ),
    (
        Class::Generator,
        "generator",
        "phases=phases bus1=bus kv=v_kv kw=p_kw pf=q_kvar kvar=q_kvar model=model vminpu=v_min_pu vmaxpu=v_max_pu \
         yearly=yearly daily=daily duty=duty dispmode dispvalue conn=connection status=fixed class vpu maxkvar minkvar \
         pvfactor forceon kva=s_kva mva=s_kva xd xdp xdpp=x_subtransient_pu h d usermodel userdata shaftmodel shaftdata dutystart debugtrace balanced \
         xrdp usefuel fuelkwh %fuel %reserve refuel dynamiceq dynout spectrum=spectrum basefreq enabled like",
    ),
    (
        Class::PvSystem,
        "pvsystem",
        "phases=phases bus1=bus kv=v_kv irradiance=irradiance_kw_per_m2 pmpp=p_mpp_kw %pmpp=p_mpp_percent \
         temperature=temperature_c pf=power_factor conn=connection kvar=q_kvar kva=s_kva %cutin=cut_in_percent \
         %cutout=cut_out_percent effcurve=efficiency_curve p-tcurve=temperature_curve %r=r_percent %x=x_percent model=model \
         vminpu=v_min_pu vmaxpu=v_max_pu balanced limitcurrent yearly=yearly daily=daily duty=duty tyearly tdaily tduty \
         class usermodel userdata debugtrace varfollowinverter dutystart wattpriority=q_priority pfpriority %pminnovars \
         %pminkvarmax kvarmax=q_max_kvar kvarmaxabs kvdc kp pitol safevoltage safemode dynamiceq dynout controlmode \
         amplimit amplimitgain spectrum=spectrum basefreq enabled like",
    ),
    (
        Class::Storage,
        "storage",
        "phases=phases bus1=bus kv=v_kv conn=connection kw kvar=q_kvar pf=power_factor kva=s_kva %cutin %cutout \
         effcurve=efficiency_curve varfollowinverter kvarmax kvarmaxabs wattpriority pfpriority %pminnovars \
         %pminkvarmax kwrated=p_rated_kw %kwrated kwhrated=e_rated_kwh kwhstored=stored_percent %stored=stored_percent \
         %reserve=reserve_percent state=state %discharge=discharge_percent %charge=charge_percent \
         %effcharge=charge_efficiency_percent %effdischarge=discharge_efficiency_percent %idlingkw=idling_percent \
         %idlingkvar %r=r_percent %x=x_percent model=model vminpu=v_min_pu vmaxpu=v_max_pu balanced limitcurrent yearly daily=daily duty \
         dispmode dischargetrigger chargetrigger timechargetrig class dynadll dynadata usermodel userdata debugtrace \
         kvdc kp pitol safevoltage safemode dynamiceq dynout controlmode amplimit amplimitgain spectrum=spectrum basefreq \
         enabled like",
    ),
    (
        Class::Switch,
        "swtcontrol",
        "switchedobj switchedterm action lock delay normal state reset basefreq enabled like",
    ),
    (
        Class::Shape,
        "loadshape",
        "npts=p interval=interval_s mult=p hour=at_s mean stddev csvfile=p sngfile=p dblfile=p action=p qmult=q \
         useactual=actual pmax qmax sinterval=interval_s minterval=interval_s pbase qbase pmult=p pqcsvfile=p \
         memorymapping interpolation like",
    ),
    (Class::Curve, "xycurve", "npts points yarray xarray csvfile sngfile dblfile x y xshift yshift xscale yscale like"),
    (
        Class::Spectrum,
        "spectrum",
        "numharm=orders harmonic=orders %mag=magnitude_percent angle=angle_deg csvfile=orders like",
    ),
    (
        Class::CurrentSource,
        "isource",
        "bus1=bus amps=i_a angle=angle_deg frequency=frequency_hz phases=phases scantype=harmonic_sequence \
         sequence=sequence yearly daily duty bus2=return_bus spectrum=spectrum basefreq enabled like",
    ),
    (Other(Silent), "tcc_curve", "npts c_array t_array like"),
    (Other(Silent), "growthshape", "npts year mult csvfile sngfile dblfile like"),
    (
        Other(Silent),
        "tshape",
        "npts interval temp hour mean stddev csvfile sngfile dblfile sinterval minterval action like",
    ),
    (
        Other(Silent),
        "priceshape",
        "npts interval price hour mean stddev csvfile sngfile dblfile sinterval minterval action like",
    ),
    (Other(Silent), "dynamicexp", "nvariables varnames var varidx expression domain like"),
    (Other(Meter), "monitor", "element terminal mode action residual vipolar ppolar basefreq enabled like"),
    (
        Other(Meter),
        "energymeter",
        "element terminal action option kvanormal kvaemerg peakcurrent zonelist localonly mask losses linelosses \
         xfmrlosses seqlosses 3phaselosses vbaselosses phasevoltagereport int_rate int_duration saifi saifikw saidi \
         caidi custinterrupts basefreq enabled like",
    ),
    (
        Other(Meter),
        "sensor",
        "element terminal kvbase clear kvs currents kws kvars conn deltadirection %error weight basefreq enabled like",
    ),
    (
        Other(Protection),
        "fuse",
        "monitoredobj monitoredterm switchedobj switchedterm fusecurve ratedcurrent delay action normal state basefreq \
         enabled like",
    ),
    (
        Other(Protection),
        "recloser",
        "monitoredobj monitoredterm switchedobj switchedterm numfast phasefast phasedelayed groundfast grounddelayed \
         phasetrip groundtrip phaseinst groundinst reset shots recloseintervals delay action tdphfast tdgrfast \
         tdphdelayed tdgrdelayed normal state basefreq enabled like",
    ),
    (
        Other(Protection),
        "relay",
        "monitoredobj monitoredterm switchedobj switchedterm type phasecurve groundcurve phasetrip groundtrip tdphase \
         tdground phaseinst groundinst reset shots recloseintervals delay overvoltcurve undervoltcurve kvbase 47%pickup \
         46baseamps 46%pickup 46isqt variable overtrip undertrip breakertime action z1mag z1ang z0mag z0ang mphase \
         mground eventlog debugtrace distreverse normal state doc_tiltanglelow doc_tiltanglehigh doc_tripsettinglow \
         doc_tripsettinghigh doc_tripsettingmag doc_delayinner doc_phasecurveinner doc_phasetripinner doc_tdphaseinner \
         doc_p1blocking basefreq enabled like",
    ),
    (Other(Unsupported), "vccs", ""),
    (Other(Unsupported), "gendispatcher", ""),
    (Other(Unsupported), "storagecontroller", ""),
    (Other(Unsupported), "upfc", ""),
    (Other(Unsupported), "upfccontrol", ""),
    (Other(Unsupported), "espvlcontrol", ""),
    (Other(Unsupported), "indmach012", ""),
    (Other(Unsupported), "gicsource", ""),
    (Other(Unsupported), "autotrans", ""),
    (Other(Unsupported), "invcontrol", ""),
    (Other(Unsupported), "expcontrol", ""),
    (Other(Unsupported), "gicline", ""),
    (Other(Unsupported), "gictransformer", ""),
    (Other(Unsupported), "vsconverter", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_modelled_class_has_an_entry() {
        for (class, name, _) in TABLE.iter().filter(|(class, ..)| !matches!(class, Other(_))) {
            assert_eq!(info(*class).name, *name);
        }
    }

    #[test]
    fn abbreviations_take_the_first_property_that_begins_so() {
        let property = |class, name| {
            let info = info(class);
            info.property(name).map(|i| info.properties[i].0)
        };
        assert_eq!(property(Class::Transformer, "ppm"), Some("ppm_antifloat"));
        assert_eq!(property(Class::Transformer, "%Load"), Some("%loadloss"));
        assert_eq!(property(Class::Line, "len"), Some("length"));
        assert_eq!(property(Class::Line, "r"), Some("r1"));
        assert_eq!(property(Class::LineCode, "nphase"), Some("nphases"));
        assert_eq!(property(Class::Load, "kwx"), None);
    }
}
